// Small things that the browser remembers: never anything secret.
export function remembered(name, fallback) {
  try {
    const text = localStorage.getItem(`ordinaut.${name}`);
    return text === null ? fallback : text;
  } catch {
    return fallback;
  }
}

export function remember(name, value) {
  try {
    if (value === null) localStorage.removeItem(`ordinaut.${name}`);
    else localStorage.setItem(`ordinaut.${name}`, value);
  } catch {
    // Storage is switched off: it holds until the page is left.
  }
}
