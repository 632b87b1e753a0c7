// A link to what a page shows now, to be sent to somebody.

import { ask, toast } from './dialog.js';
import { field, h } from './dom.js';

/** A button that copies the page's address: within Airflow's frame it stands nowhere to be copied from. */
export const shareButton = () =>
  h(
    'button',
    {
      type: 'button',
      title: 'Copies a link to this view: tab, filters, order and columns',
      onclick: async () => {
        try {
          await navigator.clipboard.writeText(location.href);
          toast('The link to this view is copied.');
        } catch {
          // browsers give the clipboard to pages over https only, and may ask first
          const link = /** @type {HTMLInputElement} */ (h('input', { value: location.href, readonly: true, size: 60 }));
          void ask({
            title: 'Link to this view',
            body: field('Copy it from here', link),
            verb: 'Done',
            run: async () => {},
          });
          link.select();
        }
      },
    },
    'Copy link',
  );
