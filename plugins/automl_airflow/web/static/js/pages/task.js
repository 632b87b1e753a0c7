// The tab of an Airflow task instance: the trial that it works on.

import { get, runPath } from '../api.js';
import { fill, h } from '../dom.js';
import { crumbs, pageOf } from '../parts.js';
import { show as showTrial } from './trial.js';

/** @type {import('../main.js').Page} */
export async function show(main, [experiment, run, task, index]) {
  const found = await get(`${runPath(experiment, run)}/task-instances/${encodeURIComponent(task)}/${index}`);
  if (found.trials.length === 1) return showTrial(main, [experiment, run, String(found.trials[0])]);
  document.title = `${experiment} · AutoML`;
  const text = found.trials.length
    ? 'This task instance has worked on several trials.'
    : 'This task instance has not worked on a trial: its slot is not bound to one, or it is no trial’s.';
  return fill(
    main,
    crumbs([
      ['Experiments', './'],
      [experiment, pageOf(experiment)],
      [run, pageOf(experiment, run)],
      [`${task} ${index}`, null],
    ]),
    h('h1', {}, `${task} ${index === '-1' ? '' : index}`),
    h('p', {}, text),
    h(
      'ul',
      {},
      found.trials.map((each) => h('li', {}, h('a', { href: pageOf(experiment, run, each) }, `trial ${each}`))),
    ),
    h('p', {}, h('a', { href: pageOf(experiment, run) }, 'The run’s page')),
  );
}
