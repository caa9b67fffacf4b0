// Runs kernels of `worker/gpu` on what they are given: in a page, or as `deno run kernels.js SITE`, where the standard input says
// what, and a line of JSON is printed for each run.

/**
 * @param {string} site
 * @param {{ kernels: { parts: string[], constants: string }[], runs: any[] }} what Of a run its `weights`, `vectors`, `step` and
 *   `work` in base64, `dispatches` of `{ kernel, parameters, groups }`, and in `read` what is read of `work`: offset and bytes.
 * @returns {Promise<string[]>} What each run leaves, in base64.
 */
export async function runKernels(site, { kernels, runs }) {
  const { GraphicsDevice } = await import(`${site}worker/gpu/device.js`);
  const { GraphicsSession } = await import(`${site}worker/gpu/session.js`);
  const card = await GraphicsDevice.open();
  const failed = new Promise((_, reject) => { card.onFailure = (message) => reject(new Error(message)); });
  const session = new GraphicsSession(card);
  const pipelines = [];
  await Promise.race([failed, Promise.all(kernels.map(({ parts, constants }) => new Promise((done) => {
    pipelines.push(session.makePipeline(parts, constants, done));
  })))]);
  const results = [];
  for (const { weights, vectors, step, work, dispatches, read } of runs) {
    const buffers = [weights, vectors, step, work].map((text) => {
      const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
      const buffer = session.makeBuffer(bytes.length, false);
      session.write(buffer, 0, bytes);
      return { buffer, offset: 0, size: bytes.length };
    });
    const other = { buffer: session.makeBuffer(16, false), offset: 0, size: 16 };
    const commands = dispatches.flatMap(({ kernel, parameters, groups }) => {
      const own = { buffer: session.makeBuffer(256, true), offset: 0, size: 256 };
      session.write(own.buffer, 0, new Uint8Array(new Uint32Array(parameters).buffer));
      return [pipelines[kernel], session.bind([...buffers, other, own]), ...groups, 0];
    });
    const [offset, size] = read;
    const done = session.submit(new Uint32Array(commands), { buffer: buffers[3].buffer, offset, size });
    const bytes = await Promise.race([failed, done]);
    results.push(btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')));
  }
  session.release();
  return results;
}

if (globalThis.Deno) {
  const what = JSON.parse(await new Response(Deno.stdin.readable).text());
  for (const result of await runKernels(Deno.args[0], what)) console.log(JSON.stringify(result));
  Deno.exit(0);
}
