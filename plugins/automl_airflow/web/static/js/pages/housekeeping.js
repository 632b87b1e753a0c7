// What could go from the storages of all experiments: looked at first, deleted only as it was seen.

import { act } from '../api.js';
import { ask, explain } from '../dialog.js';
import { field, fill, h } from '../dom.js';
import { bytes, duration, many, number } from '../format.js';
import { crumbs } from '../parts.js';
import { plainTable } from '../run-details.js';

const DAY = 86400;

/** Kinds of things, and what people call them. @type {Array<[string, string]>} */
const KINDS = [
  ['runs', 'Whole runs'],
  ['checkpoints', 'Checkpoints of ended runs'],
  ['caches', 'What attempts left behind'],
  ['code', 'Code that no run names'],
  ['parts', 'Uploads and files that broke off'],
  ['models', 'Copies of versions of models that nobody needs'],
];

/** @type {import('../main.js').Page} */
export async function show(main) {
  document.title = 'Housekeeping · AutoML';
  const place = h('div', { 'aria-live': 'polite' });
  const form = /** @type {HTMLFormElement} */ (questions());
  const look = async () => {
    fill(place, h('p', { class: 'muted' }, 'Looking at every storage …'));
    const options = optionsOf(form);
    try {
      fill(place, shown(await act('POST', 'gc', options), options, look));
    } catch (error) {
      explain(place, error);
    }
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void look();
  });
  fill(
    main,
    crumbs([
      ['Experiments', './'],
      ['Housekeeping', null],
    ]),
    h('h1', {}, 'Housekeeping'),
    h(
      'p',
      {},
      'What nobody needs any more. Nothing goes that runs, that a model, an annotation or an experiment file names, ' +
        'or that another run has learned from.',
    ),
    form,
    place,
  );
}

function questions() {
  const checkbox = (name, value, label, checked) =>
    h('label', {}, h('input', { type: 'checkbox', name, value, checked }), ` ${label}`);
  return h(
    'form',
    { class: 'card' },
    h(
      'div',
      { class: 'fields' },
      field('Older than, days', h('input', { type: 'number', name: 'days', min: 0, step: 'any', value: 30, required: true })),
      field(
        'Newest runs that stay',
        h('input', { type: 'number', name: 'keep_last', min: 0, step: 1, value: 1, required: true }),
        'of each experiment',
      ),
      field(
        'Never ended, and silent for days',
        h('input', { type: 'number', name: 'abandoned', min: 1, step: 'any' }),
        'empty: such runs stay',
      ),
    ),
    h(
      'fieldset',
      {},
      h('legend', {}, 'What may go'),
      h('div', { class: 'row' }, KINDS.map(([value, label]) => checkbox('what', value, label, true))),
    ),
    h(
      'fieldset',
      {},
      h('legend', {}, 'And'),
      h(
        'div',
        { class: 'row' },
        checkbox('keep_best', '1', 'the best run of each experiment stays', true),
        checkbox('orphaned', '1', 'runs that were deleted in Airflow go, of whatever age', false),
        checkbox('transferred', '1', 'runs that only ended ones have learned from may go', false),
      ),
    ),
    h('p', {}, h('button', { type: 'submit', class: 'primary' }, 'Look (nothing is deleted)')),
  );
}

/** The form as the API takes it. @param {HTMLFormElement} form */
function optionsOf(form) {
  const given = new FormData(form);
  const abandoned = String(given.get('abandoned') ?? '');
  return {
    what: given.getAll('what'),
    older_than: Number(given.get('days')) * DAY,
    keep_last: Number(given.get('keep_last')),
    keep_best: given.has('keep_best'),
    orphaned: given.has('orphaned'),
    transferred: given.has('transferred'),
    abandoned: abandoned === '' ? null : Number(abandoned) * DAY,
  };
}

/** @param {any} plan @param {any} options @param {() => Promise<void>} again */
function shown(plan, options, again) {
  const notable = plan.spared.filter((each) => each.notable);
  const count = `${many(plan.items.length, 'item')}, ${many(plan.objects, 'object')}, ${bytes(plan.bytes)}`;
  return [
    h(
      'section',
      { class: 'card', style: 'margin-top:.9rem' },
      h('h2', {}, plan.items.length ? `${count} would go` : 'Nothing would go'),
      plan.problems.map((each) => h('p', { class: 'notice' }, each)),
      plan.items.length
        ? [
            plainTable(
              ['What', 'Experiment', 'Run or place', 'Last change', 'Objects', 'Size', 'Why'],
              plan.items.map((each) => [
                each.what,
                each.experiment || '–',
                each.run || each.place,
                `${duration(each.age)} ago`,
                number(each.objects),
                bytes(each.bytes),
                each.why,
              ]),
              'What would go',
            ),
            h(
              'p',
              {},
              h(
                'button',
                { type: 'button', class: 'danger', onclick: () => remove(plan, options, count, again) },
                'Delete these …',
              ),
            ),
          ]
        : null,
    ),
    h(
      'details',
      { class: 'card', style: 'margin-top:.9rem' },
      h('summary', {}, `${many(plan.spared.length, 'run')} would stay${notable.length ? `, ${number(notable.length)} though old or not readable` : ''}`),
      plainTable(
        ['Experiment', 'Run', 'Why it stays'],
        (notable.length ? notable : plan.spared).map((each) => [each.experiment, each.run, each.why]),
        'What would stay',
      ),
    ),
  ];
}

/** @param {any} plan @param {any} options @param {string} count @param {() => Promise<void>} again */
async function remove(plan, options, count, again) {
  const done = await ask({
    title: `Delete ${count}?`,
    body: [
      h('p', {}, 'This can’t be undone. Just what the table shows goes; what has changed since is spared.'),
      h('p', {}, h('label', {}, h('input', { type: 'checkbox', name: 'sure', required: true }), ' I have read the table')),
    ],
    verb: 'Delete',
    danger: true,
    run: async () => said(await act('POST', 'gc/apply', { ...options, plan: plan.plan })),
  });
  if (done) await again();
}

/** @param {any} done */
function said(done) {
  const parts = [`Deleted ${many(done.deleted.length, 'item')}, ${bytes(done.bytes)}.`];
  if (done.spared.length) parts.push(`${many(done.spared.length, 'item')} spared: ${done.spared[0].why}.`);
  if (done.failed.length) parts.push(`${many(done.failed.length, 'item')} could not be deleted: ${done.failed[0].why}.`);
  if (done.left) parts.push(`${many(done.left, 'item')} left for want of time.`);
  return parts.join(' ');
}
