// What a page shows, in its address: a reload keeps it, and a link shows a colleague the same.

/** The address's query. */
export const asked = () => new URLSearchParams(location.search);

/**
 * Writes into the address, without a new entry in the browser's history.
 *
 * @param {Record<string, string | string[] | null | undefined>} wanted lists become several of the same name; what is
 *   empty is taken away
 */
export function keep(wanted) {
  const query = asked();
  for (const [name, value] of Object.entries(wanted)) {
    query.delete(name);
    for (const each of Array.isArray(value) ? value : [value]) if (each) query.append(name, each);
  }
  const text = query.toString();
  history.replaceState(null, '', `${location.pathname}${text ? `?${text}` : ''}${location.hash}`);
}
