// What every TypeScript client does: lists the tools, creates a task, runs it and reads the run.

export const { URL: url, TOKEN: token } = process.env;

export function check(good, what) {
  if (!good) throw new Error(what);
}

// `call` takes a tool's name and arguments and answers its result.
export async function story(label, tools, call) {
  check(tools.length === 15, `${label}: ${tools.length} tools`);
  const good = async (name, args) => {
    const result = await call(name, args);
    check(!result.isError, `${label}: ${name}: ${JSON.stringify(result.content)}`);
    return result.structuredContent;
  };
  const preview = await good('ordinaut_preview_schedule', { schedule: '30 8 * * 2', timezone: 'Europe/Chisinau' });
  check(preview.occurrences.length === 5, `${label}: ${JSON.stringify(preview)}`);
  const { task } = await good('ordinaut_create_task', {
    title: `Made by ${label}`,
    schedule: '30 8 * * 2',
    timezone: 'Europe/Chisinau',
    pipeline: [{ id: 'greet', uses: 'events_demo.greet', with: { name: label } }],
    idempotency_key: `${label}-${process.pid}`,
  });
  const started = await good('ordinaut_run_task', { task_id: task.id, wait_seconds: 20 });
  const { run, steps } = await good('ordinaut_get_run', { run_id: started.run.id });
  check(run.status === 'succeeded', `${label}: ${JSON.stringify(run)}`);
  check(steps[0].id === 'greet' && run.output.greet.greeting.includes(label), `${label}: ${JSON.stringify(run)}`);
  const refused = await call('ordinaut_create_task', { title: 'x', schedule: 'every tuesday at 9', pipeline: [] });
  check(refused.isError && !refused.structuredContent, `${label}: a fault is an error of the tool`);
  console.log(`${label}: ${run.status}`);
}
