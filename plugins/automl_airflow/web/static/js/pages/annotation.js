// One annotation project: how it stands, who is at work, its items.

import { itemsPart } from '../annotation-items.js';
import { ITEM_STATES, itemBadge, peopleCard, progressLine } from '../annotation-parts.js';
import { annotationPath, get } from '../api.js';
import { airflowLink, fill, h } from '../dom.js';
import { cost, duration, number, time } from '../format.js';
import { actButton, crumbs, figures, pageOfAnnotation, tabs } from '../parts.js';

const REFRESH = 5000;

/** @type {import('../main.js').Page} */
export async function show(main, [name]) {
  const path = annotationPath(name);
  document.title = `${name} · AutoML`;
  let project = await get(path);
  const head = h('div', { class: 'head' });
  const overview = h('div', { class: 'stack' });
  const shown = tabs(
    [
      { id: 'overview', label: 'Overview', make: () => overview },
      { id: 'items', label: 'Items', make: () => itemsPart(name, project) },
      ...(project.source ? [{ id: 'file', label: 'File', make: () => h('section', { class: 'card' }, h('h2', {}, project.file ?? 'File'), h('pre', { class: 'source', tabindex: 0 }, project.source)) }] : []),
    ],
    'Parts of the project',
  );
  const draw = () => {
    fill(
      head,
      crumbs([['Annotation', 'annotations'], [name, null]]),
      h(
        'div',
        { class: 'row spread' },
        h('h1', {}, name),
        h(
          'div',
          { class: 'row' },
          actButton('Label', project.can.label, project.why_not.label, () => location.assign(pageOfAnnotation(name, 'label')), 'primary'),
          h('a', { class: 'button', href: pageOfAnnotation(name, 'ledger') }, 'Ledger'),
          project.can.edit_file && project.source ? h('a', { class: 'button', href: `new?annotation=${encodeURIComponent(name)}` }, 'Edit the file') : null,
          airflowLink(project.airflow, 'In Airflow'),
        ),
      ),
      project.description ? h('p', { class: 'muted' }, project.description) : null,
      project.broken ? h('p', { class: 'notice', role: 'status' }, `Its file can’t be read as it is now${project.import_error ? `: ${project.import_error}` : '.'}`) : null,
      project.gone ? h('p', { class: 'notice', role: 'status' }, 'Its file was deleted: labels can be looked at, and nothing more be labelled.') : null,
      (project.awaited ?? []).map((/** @type {any} */ each) =>
        h('p', { class: each.paused || each.gone ? 'notice' : 'muted', role: 'status' }, `${each.words} `, h('a', { href: each.airflow }, 'Its run')),
      ),
      project.stopped ? h('p', { class: 'notice', role: 'status' }, [`It has ended: ${project.stopped.why}.`, ...project.stopped.reasons].join(' ')) : null,
      figures([
        ['Items', number(project.items)],
        ['Labelled by people', number(project.labelled)],
        ['Taken by models', number(project.taken)],
        ['Open with people', number(project.open)],
        ['Round', number(project.round)],
        ['Spent', project.spent ? `${cost(project.spent)} ${project.currency ?? ''}` : '–'],
        ['Time of people', project.seconds ? duration(project.seconds) : '–'],
      ]),
    );
    fill(overview, h('section', { class: 'card' }, h('h2', {}, 'The open batch'), progressLine(project)), peopleCard(project), statesCard(project));
  };
  draw();
  fill(main, head, shown.element);
  shown.start();
  setInterval(async () => {
    if (document.hidden) return;
    try {
      const found = await get(path);
      const moved = JSON.stringify({ ...found, now: 0 }) !== JSON.stringify({ ...project, now: 0 });
      project = found;
      if (moved) draw();
    } catch (error) {
      console.warn(error);
    }
  }, REFRESH);
}

/** @param {any} project */
const statesCard = (project) =>
  h(
    'section',
    { class: 'card' },
    h('h2', {}, 'Items by state'),
    h(
      'table',
      {},
      h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'State'), h('th', { scope: 'col', class: 'number' }, 'Items'), h('th', { scope: 'col' }, 'What it means'))),
      h(
        'tbody',
        {},
        Object.keys(ITEM_STATES).map((state) =>
          h('tr', {}, h('td', {}, itemBadge(state)), h('td', { class: 'number' }, number(project.counts[state] ?? 0)), h('td', { class: 'muted' }, ITEM_STATES[state].hint)),
        ),
      ),
    ),
    h('p', { class: 'hint' }, `Last news: ${time(project.updated)}`),
  );
