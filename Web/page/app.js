import { InferenceManager } from '../inference-manager.js';
import { createModelStore } from '../model-store.js';
import { Chat } from './chat.js';
import { Composer } from './composer.js';
import { ConversationArchive } from './conversations.js';
import { displayName, findModel, fitOf } from './device.js';
import { byId } from './dom.js';
import { acceptDrops } from './drop.js';
import { LoadingView } from './loading-view.js';
import { ModelDialog } from './model-dialog.js';
import { changeSettings, settings } from './settings.js';
import { SettingsDialog } from './settings-dialog.js';
import { handleShortcuts } from './shortcuts.js';
import { Sidebar } from './sidebar.js';
import { ThreadView } from './thread-view.js';
import { toast } from './toast.js';
import { buildWelcome } from './welcome.js';

const manager = new InferenceManager({
  hubURL: document.querySelector('meta[name="swiftlet-hub"]')?.getAttribute('content') ?? undefined,
});
const store = createModelStore(manager);
const archive = new ConversationArchive();
const chat = new Chat(manager, store, archive);

let isEmpty = true;

/** @param {string | File} model */
async function loadModel(model) {
  const { contextLength, threads } = settings.getState();
  if (typeof model === 'string') {
    changeSettings({ model });
    const entry = findModel(store.getState().availableModels, model);
    const fit = entry && fitOf(entry, contextLength);
    if (fit && !fit.fits) return toast(`${entry?.name} does not fit this device. ${fit.reason}.`);
  }
  await store.loadModel(model, { contextLength, threads });
  if (typeof model !== 'string' && store.getState().loadingStep === 'ready')
    changeSettings({ model: `file:${model.name}` });
}

const reloadModel = () => loadModel(store.getState().currentModel ?? settings.getState().model);

const modelDialog = new ModelDialog(manager, store, loadModel);
const settingsDialog = new SettingsDialog(manager, store, reloadModel);
const loading = new LoadingView(store, { retry: reloadModel, choose: () => modelDialog.open() });
/** @type {Composer} */
const composer = new Composer({
  send: (text) => {
    chat.send(text);
    const { loadingStep, isLoading } = store.getState();
    if (loadingStep !== 'ready' && !isLoading) reloadModel();
  },
  stop: () => chat.stop(),
  editLast: () => thread.editLast(),
});
const sidebar = new Sidebar(chat, archive);
/** @type {ThreadView} */
const thread = new ThreadView(chat, {
  onEmpty: (empty) => {
    isEmpty = empty;
    loading.place(empty);
    showWelcome();
  },
  onBusy: (busy) => composer.setBusy(busy),
  newConversation: () => sidebar.newConversation(),
  openSettings: () => settingsDialog.open(),
});

function showWelcome() {
  byId('welcome').hidden = !isEmpty || store.getState().loadingStep !== 'ready';
}

/** The model's name and state in the top bar. */
function showModel() {
  const { availableModels, currentModel, loadingStep } = store.getState();
  byId('model-name').textContent =
    displayName(availableModels, currentModel ?? settings.getState().model) || 'Choose a model';
  byId('model-status').dataset.step = loadingStep;
}

buildWelcome((text) => composer.fill(text));
handleShortcuts({ chat, sidebar, openModels: () => modelDialog.open() });
acceptDrops(loadModel);
byId('model-button').addEventListener('click', () => modelDialog.open());
byId('settings-button').addEventListener('click', () => settingsDialog.open());
manager.addEventListener('notice', (event) => toast(/** @type {CustomEvent} */ (event).detail.message));
store.subscribe(
  (state) => [state.loadingStep, state.currentModel, state.availableModels.length].join(),
  () => {
    showModel();
    showWelcome();
  },
);
showModel();
composer.focus();

navigator.serviceWorker
  ?.register('service-worker.js')
  .catch((error) => console.warn('The page will not work offline.', error));

await loadModel(settings.getState().model);
