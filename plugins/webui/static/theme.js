// Before anything is painted, so that a chosen theme does not flash. A classic script: modules come too late.
(function () {
  try {
    var theme = localStorage.getItem('ordinaut.theme');
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
  } catch (error) { /* Storage is switched off: the system's theme it is. */ }
})();
