/** What was measured to compute a model faster, by card and model; kept in the browser's file system. */

const fileName = 'swiftlet-devices.json';
/** Milliseconds after which it is measured anew: browsers and drivers change, and a busy moment deceives. */
const longest = 7 * 24 * 3600 * 1000;
/** Most that is remembered. */
const mostChoices = 100;

/** @param {string} card @param {string} model @returns {Promise<'cpu' | 'gpu' | undefined>} */
export async function rememberedDevice(card, model) {
  const choices = await readChoices();
  const known = choices.find((choice) => choice.card === card && choice.model === model);
  return known && Date.now() - known.time < longest ? known.device : undefined;
}

/** @param {string} card @param {string} model @param {'cpu' | 'gpu'} device */
export async function rememberDevice(card, model, device) {
  const others = (await readChoices()).filter((choice) => choice.card !== card || choice.model !== model);
  try {
    const root = await navigator.storage.getDirectory();
    const writer = await (await root.getFileHandle(fileName, { create: true })).createWritable();
    await writer.write(JSON.stringify([{ card, model, device, time: Date.now() }, ...others].slice(0, mostChoices)));
    await writer.close();
  } catch {
    // Then it is measured again.
  }
}

/** @returns {Promise<{ card: string, model: string, device: 'cpu' | 'gpu', time: number }[]>} */
async function readChoices() {
  try {
    const root = await navigator.storage.getDirectory();
    const choices = JSON.parse(await (await (await root.getFileHandle(fileName)).getFile()).text());
    return Array.isArray(choices) ? choices.filter((choice) => typeof choice === 'object' && choice) : [];
  } catch {
    return [];
  }
}
