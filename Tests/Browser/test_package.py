"""The npm package in an app of its own: without a bundler, bundled by esbuild, with React, and its types."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile

import pytest

from conftest import ROOT, SITE
from site_server import SiteServer
from steps import wait_for

REACT = pathlib.Path("/usr/share/nodejs")
APP = """
import { inferenceManager } from 'swiftlet';
import { createModelStore } from 'swiftlet/store';

const store = createModelStore(inferenceManager);
await store.loadModel('/models/some.gguf');
if (store.getState().error) window.outcome = store.getState().error;
const reply = inferenceManager.generate('The capital of France is', { temperature: 0, maxTokens: 12 });
window.outcome = { text: (await reply.finished).text, threads: inferenceManager.threads };
"""
RECIPE = re.compile(r"```js recipe=react\n([^`]*)```")


def needs(*programs):
    """Skips the test, aloud, when a program is missing."""
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed; Scripts/install-test-tools.sh installs it")


@pytest.fixture(scope="module")
def archive(tmp_path_factory, quick_model):
    """The package as `npm pack` makes it."""
    needs("npm")
    out = tmp_path_factory.mktemp("package")
    made = subprocess.run([sys.executable, ROOT / "Scripts/make-package.py", "--site", SITE, "--out", out], check=True,
                          capture_output=True, text=True)
    yield pathlib.Path(made.stdout.splitlines()[-1])
    shutil.rmtree(out)


@pytest.fixture
def app(tmp_path, archive):
    """A folder with the package among its modules."""
    folder = tmp_path / "app"
    modules = folder / "node_modules"
    modules.mkdir(parents=True)
    with tarfile.open(archive) as tar:
        tar.extractall(modules, filter="data")
    (modules / "package").rename(modules / "swiftlet")
    return folder


@pytest.fixture
def serve(quick_model):
    """Serves a folder with the model beside it."""
    servers = []

    def start(folder):
        servers.append(SiteServer(folder, {"some.gguf": quick_model}))
        return servers[-1].url

    yield start
    for server in servers:
        server.close()


def bundle(app, *options):
    """Bundles `app.js` as the documentation says; the folder of the result."""
    command = re.search(r"```sh\n(esbuild .*?)```", (ROOT / "Documentation/JavaScript.md").read_text(), re.S).group(1)
    done = subprocess.run(command.replace("--bundle", " ".join(["--bundle", *options])), shell=True, cwd=app,
                          capture_output=True, text=True, env={**os.environ, "NODE_PATH": str(REACT)})
    assert done.returncode == 0, done.stderr
    (app / "dist/index.html").write_text('<!doctype html><p id="root"></p><script type="module" src="app.js"></script>')
    return app / "dist"


def outcome(page, url):
    page.goto(url)
    wait_for(page, "window.outcome !== undefined")
    return page.evaluate("outcome")


def test_the_archive_has_what_its_manifest_names_and_no_chat_page(archive):
    with tarfile.open(archive) as tar:
        names = {name.removeprefix("package/") for name in tar.getnames()}
        manifest = json.load(tar.extractfile("package/package.json"))
    assert manifest["name"] == "swiftlet" and manifest["license"] == "Apache-2.0"
    for target in manifest["exports"].values():
        for path in [target] if isinstance(target, str) else target.values():
            assert "*" in path or path.removeprefix("./") in names, path
    assert {"LICENSE", "README.md", "swiftlet.wasm", "swiftlet-threads.wasm", "swiftlet-64.wasm", "hash.wasm"} <= names
    assert not [name for name in names if name.startswith(("page/", "vendor/", "styles/")) or name == "index.html"]


def test_a_page_without_a_bundler_takes_it_from_node_modules(page, app, serve):
    imports = {"swiftlet": "/node_modules/swiftlet/inference-manager.js",
               "swiftlet/store": "/node_modules/swiftlet/model-store.js"}
    (app / "index.html").write_text(
        f'<!doctype html><script type="importmap">{json.dumps({"imports": imports})}</script>'
        '<script type="module" src="app.js"></script>')
    (app / "app.js").write_text(APP)
    found = outcome(page, serve(app))
    assert "Paris" in found.get("text", ""), found
    assert found["threads"] > 1


def test_a_bundled_page_runs_it(page, app, serve):
    needs("esbuild")
    (app / "app.js").write_text(APP)
    dist = bundle(app)
    found = outcome(page, serve(dist))
    assert "Paris" in found.get("text", ""), found
    assert found["threads"] > 1


def test_the_recipe_for_react_follows_the_load(page, app, serve):
    needs("esbuild")
    if not (REACT / "react-dom").is_dir():
        pytest.skip("React is not installed; Scripts/install-test-tools.sh installs it")
    recipe = RECIPE.search((ROOT / "Documentation/JavaScript.md").read_text()).group(1)
    (app / "use-model.js").write_text(recipe)
    (app / "app.js").write_text("""
import { createElement } from 'react';
import { createRoot } from 'react-dom/client';
import { renderToString } from 'react-dom/server.browser';
import { store, useModel } from './use-model.js';

window.drawn = [];
function Status() {
  const step = useModel((state) => state.loadingStep);
  drawn.push(step);
  return createElement('b', {}, step);
}
createRoot(document.getElementById('root')).render(createElement(Status));
await store.loadModel('/models/some.gguf');
window.outcome = { first: renderToString(createElement(Status)), error: store.getState().error };
""")
    dist = bundle(app, "--define:process.env.NODE_ENV='\"production\"'")
    found = outcome(page, serve(dist))
    assert found == {"first": "<b>idle</b>", "error": None}
    wait_for(page, "document.querySelector('#root').innerText === 'ready'")
    steps = page.evaluate("drawn")
    seen = [step for index, step in enumerate(steps) if step not in steps[:index]]
    assert seen == ["idle", "downloading", "compiling", "ready"], steps


def test_its_types_are_right_for_those_who_use_them(app):
    needs("tsc")
    (app / "app.ts").write_text("""
import { inferenceManager, RequestError, type ChatMessage } from 'swiftlet';
import { createModelStore, type ModelStoreState } from 'swiftlet/store';
import { SwiftletError } from 'swiftlet/errors';

const store = createModelStore(inferenceManager);
const first: ModelStoreState = store.getInitialState();
const messages: ChatMessage[] = [{ role: 'user', content: [{ type: 'text', text: first.loadingStep }] }];
for await (const text of inferenceManager.generate(messages, { maxTokens: 8, stop: 'END' })) text.trim();
// @ts-expect-error An option that there is not.
inferenceManager.generate(messages, { max_tokens: 8 });
// @ts-expect-error A part that no model reads.
inferenceManager.generate([{ role: 'user', content: [{ type: 'image_url', image_url: '' }] }]);
export const error: SwiftletError = new RequestError({ code: 'invalid-request', message: '' });
""")
    (app / "package.json").write_text('{"type": "module"}')
    (app / "tsconfig.json").write_text(json.dumps({
        "compilerOptions": {"noEmit": True, "strict": True, "target": "es2022", "module": "node16", "types": [],
                            "moduleResolution": "node16", "lib": ["es2022", "dom", "dom.iterable"]},
        "files": ["app.ts"]}))
    done = subprocess.run(["tsc"], cwd=app, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
