// From a result to use: offered to a model that takes results of its experiment, or to one whose file is written first.

import { get } from './api.js';
import { toast } from './dialog.js';
import { offer } from './model-acts.js';
import { pageOfModel } from './parts.js';

/** @param {{experiment: string, run: string, path: string}} run */
export async function deploy(run) {
  try {
    const found = await get(`${run.path}/deploy`);
    if (!found.possible) throw new Error(`It can’t be deployed: ${found.why_not}.`);
    const write = () => {
      sessionStorage.setItem('automl:draft', found.text);
      location.assign(`new?draft&deploy=${encodeURIComponent(`${run.experiment}/${run.run}`)}`);
    };
    if (!found.models.length) {
      write();
      return;
    }
    const offered = await offer(found.models, run, write);
    if (offered) location.assign(pageOfModel(offered.model, offered.version));
  } catch (error) {
    toast(error instanceof Error ? error.message : String(error), 'bad');
  }
}
