// deno run adapter.js: prints what the graphics card calls itself, or null where there is none.

const adapter = await navigator.gpu?.requestAdapter();
console.log(JSON.stringify(adapter ? adapter.info.description || adapter.info.vendor || 'a card without a name' : null));
