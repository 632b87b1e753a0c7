// A page that lists what has a journal of its own, models or annotation projects: a search, ticks, a table of pieces.

import { asked as inAddress, keep } from './address.js';
import { get } from './api.js';
import { Columns } from './columns.js';
import { fill, h } from './dom.js';
import { many } from './format.js';
import { searchBox, tickBox } from './search.js';
import { shareButton } from './share.js';
import { VirtualTable } from './table.js';

const REFRESH = 10000;

/**
 * What a list is of.
 * @typedef {object} Listed
 * @property {string} title of the page.
 * @property {string} label of the table.
 * @property {string} kind the REST's name for it, and that of the list in its answers.
 * @property {string} noun for one of them.
 * @property {string} searched what the search looks for.
 * @property {[string, string, string][]} ticks parameter of the REST, label, and what it means.
 * @property {import('./table.js').Column[]} columns of the table.
 * @property {() => any[]} nothing what stands there where there is none yet.
 */

/**
 * Shows the list, and reads it anew every ten seconds while somebody can see it.
 * @param {HTMLElement} main
 * @param {Listed} listed
 */
export async function showList(main, listed) {
  document.title = `${listed.title} · AutoML`;
  const query = inAddress();
  /** @type {Record<string, string>} */
  const asked = Object.fromEntries(['search', ...listed.ticks.map(([key]) => key)].map((key) => [key, query.get(key) ?? '']));
  const said = h('span', { class: 'muted', role: 'status' });
  const none = h('section', { class: 'card', hidden: true }, listed.nothing());
  const write = () => keep({ ...asked, sort: table.sort === 'name' ? null : table.sort });
  const chooser = new Columns(listed.kind, () => table.showColumns(chooser.of(listed.columns)));
  const table = new VirtualTable({
    label: listed.label,
    sort: query.get('sort') ?? 'name',
    sorted: () => write(),
    columns: chooser,
    height: 640,
    load: async (offset, limit, sort) => {
      const answer = await get(listed.kind, { ...asked, sort, offset, limit });
      const rows = answer[listed.kind];
      return { matched: answer.matched, total: answer.total, count: rows.length, row: (index) => (name) => rows[index][name] };
    },
    loaded: (answer) => {
      none.hidden = /** @type {any} */ (answer).total > 0;
      table.element.hidden = !none.hidden;
      const total = many(/** @type {any} */ (answer).total, listed.noun);
      fill(said, answer.matched === /** @type {any} */ (answer).total ? total : `${answer.matched} of ${total}`);
    },
  });
  table.setColumns(chooser.of(listed.columns));
  const reload = (anew = true) => table.reload(anew).catch((error) => fill(said, error.message));
  const changed = () => {
    write();
    void reload();
  };
  await reload();
  fill(
    main,
    h('div', { class: 'row spread head' }, h('h1', {}, listed.title)),
    h(
      'div',
      { class: 'toolbar' },
      searchBox(listed.searched, asked.search, (words) => {
        asked.search = words;
        changed();
      }),
      ...listed.ticks.map(([key, label, meaning]) => tickBox(asked, key, label, meaning, changed)),
      chooser.element,
      shareButton(),
      said,
    ),
    table.element,
    none,
  );
  setInterval(() => !document.hidden && reload(false), REFRESH);
}
