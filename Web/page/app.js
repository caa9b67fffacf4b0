import './trusted-types.js';
import { CancelledError, SwiftletError } from '../errors.js';
import { findCard } from '../placement.js';
import { SharedInferenceManager } from '../shared-inference-manager.js';
import { Chat } from './chat.js';
import { Composer } from './composer.js';
import { ConversationArchive } from './conversations.js';
import { deviceText, displayName, findModel, fitOf } from './device.js';
import { byId } from './dom.js';
import { onUnkept } from './draft.js';
import { LoadingView } from './loading-view.js';
import { currentPlace, onPlaceChange, rememberPlace } from './place.js';
import { changeSettings, settings } from './settings.js';
import { handleShortcuts } from './shortcuts.js';
import { Sidebar } from './sidebar.js';
import { watchStorage } from './storage-trouble.js';
import { ThreadView } from './thread-view.js';
import { tellMissing, toast } from './toast.js';
import { buildWelcome } from './welcome.js';

const hubURL = document.querySelector('meta[name="swiftlet-hub"]')?.getAttribute('content') ?? 'https://huggingface.co';
// One for all tabs.
const engines = new SharedInferenceManager({ hubURL });
const store = { ...engines.state, cancelDownload: () => engines.cancelLoad() };
const archive = new ConversationArchive();
watchStorage(archive, () => byId('export').click());
archive.purge().catch(() => {});
onUnkept(() => toast('This is too large to be kept until it is sent: a reload would lose what you have not sent.'));
const chat = new Chat(engines, store, archive);

let isEmpty = true;
/** @type {import('./context-meter.js').ContextMeter | undefined} */
let meter;

/** @type {any} Of the file that was asked for last. */
let askedHandle;
const localFiles = () => import('./local-files.js');
/** Models that were asked for. */
let choices = 0;

/**
 * @param {string | File | readonly File[]} model A name, or a model's files.
 * @param {any[]} [handle] Of files, where the browser lets them be opened again at the next visit.
 * @param {boolean} [unlessLoaded] Not when another tab has loaded a model.
 */
async function loadModel(model, handle, unlessLoaded = false) {
  choices += 1;
  const turn = choices;
  if (typeof model !== 'string' || !model.startsWith('file:')) return load(model, handle, unlessLoaded);
  if (unlessLoaded) {
    await engines.start();
    if (store.getState().currentModel) return;
  }
  return (await localFiles()).openLocal(model, { load, engines, loading, isWanted: () => turn === choices });
}

/** @param {string | File | readonly File[]} model @param {any[]} [handle] @param {boolean} [unlessLoaded] */
async function load(model, handle, unlessLoaded = false) {
  const { contextLength, threads, device } = settings.getState();
  const turn = choices;
  if (typeof model === 'string') {
    const entry = findModel(store.getState().availableModels, model);
    let fit = entry && fitOf(entry, contextLength);
    // A graphics card has memory of its own.
    if (fit && !fit.fits && device !== 'cpu') fit = await findCard().then(() => fitOf(entry, contextLength));
    if (fit && !fit.fits) {
      if (!store.getState().isLoading) chat.endWaiting();
      return toast(`${entry?.name} does not fit this device. ${fit.reason}`);
    }
  }
  askedHandle = handle;
  try {
    await engines.initialize(model, undefined, { contextLength, threads, device, unlessLoaded, keep: !handle });
  } catch (error) {
    // What went wrong is in the state; only mistakes of the program are thrown.
    if (!(error instanceof SwiftletError)) throw error;
    if (error instanceof CancelledError && turn === choices) keepDevice();
    return;
  }
  if (handle) (await localFiles()).rememberFiles(/** @type {File[]} */ (model), handle);
  if (unlessLoaded) return;
  // Only what has loaded is what the next visit begins with; a picked file that the browser does not keep is gone then.
  if (typeof model !== 'string' && !navigator.storage) return;
  changeSettings({ model: typeof model === 'string' ? model : (store.getState().currentModel ?? 'quick') });
}

/** Where a load that was to compute elsewhere is given up, the setting is that of the model that stays. */
function keepDevice() {
  const { loadedDevice, info } = store.getState();
  if (loadedDevice && (info || store.getState().isLoading)) changeSettings({ device: loadedDevice });
}

const reloadModel = () => loadModel(store.getState().currentModel ?? settings.getState().model);

/**
 * @param {() => Promise<{ open: () => void }>} load Brings a dialog's code, which comes when it is opened first.
 * @returns {() => Promise<void>} Opens it.
 */
function onDemand(load) {
  /** @type {Promise<{ open: () => void } | undefined> | undefined} */
  let dialog;
  return async () => {
    dialog ??= load().catch((error) => {
      dialog = undefined;
      tellMissing(error);
      return undefined;
    });
    (await dialog)?.open();
  };
}

const openModels = onDemand(async () => {
  const [{ ModelDialog }] = await Promise.all([
    import('./model-dialog.js'),
    findCard(settings.getState().device !== 'cpu'),
  ]);
  return new ModelDialog(engines, store, loadModel, hubURL);
});
const openSettings = onDemand(async () => {
  const { SettingsDialog } = await import('./settings-dialog.js');
  return new SettingsDialog(engines, store, reloadModel);
});
const openPrompt = onDemand(async () => {
  const { PromptDialog } = await import('./prompt-dialog.js');
  return new PromptDialog(chat);
});

/** @param {'system' | 'light' | 'dark'} theme */
function applyTheme(theme) {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}
settings.subscribe((state) => state.theme, applyTheme);
applyTheme(settings.getState().theme);

const loading = new LoadingView(store, {
  retry: () => loadModel(engines.asked ?? settings.getState().model, askedHandle),
  choose: openModels,
  dismiss: () => {
    engines.dismiss();
    keepDevice();
  },
  useProcessor: () => {
    changeSettings({ device: 'cpu' });
    loadModel(engines.asked ?? settings.getState().model, askedHandle);
  },
});
/** @type {Composer} */
const composer = new Composer({
  send: (text, files) => chat.send(text, files),
  stop: () => chat.stop(),
  editLast: () => thread.editLast(),
  countTokens: async (text) => (await engines.tokenize(text, { addSpecial: false })).length,
});
const sidebar = new Sidebar(chat, archive);
/** @type {ThreadView} */
const thread = new ThreadView(chat, {
  onEmpty: (empty) => {
    isEmpty = empty;
    loading.place(empty);
    showWelcome();
    showPrompt();
  },
  onBusy: (busy) => {
    composer.setBusy(busy);
    meter?.update();
  },
  onGrow: () => meter?.grow(),
  newConversation: () => sidebar.newConversation(),
  openSettings,
});

function showWelcome() {
  byId('welcome').hidden = !isEmpty || store.getState().loadingStep !== 'ready';
}

/** Whether the open conversation has a system prompt. */
function showPrompt() {
  const isSet = chat.systemPrompt.trim() !== '';
  const button = byId('prompt-button');
  button.toggleAttribute('data-set', isSet);
  button.title = isSet ? 'System prompt (set)' : 'System prompt';
  button.setAttribute('aria-label', button.title);
}

/** The model's name and state in the top bar. */
function showModel() {
  const { availableModels, currentModel, loadingStep, info } = store.getState();
  byId('model-name').textContent =
    displayName(availableModels, currentModel ?? settings.getState().model) || 'Choose a model';
  byId('model-status').dataset.step = loadingStep;
  const device = byId('model-device');
  device.hidden = !info;
  device.textContent = info?.device.toUpperCase() ?? '';
  device.title = info ? deviceText(info) : '';
  byId('model-button').setAttribute('aria-description', device.title);
}

buildWelcome((text) => composer.fill(text));
handleShortcuts({ chat, sidebar, openModels });
import('./drop.js').then(({ acceptDrops }) => acceptDrops(loadModel, (files) => composer.addFiles(files)));
byId('model-button').addEventListener('click', openModels);
byId('settings-button').addEventListener('click', openSettings);
byId('prompt-button').addEventListener('click', openPrompt);
settings.subscribe((state) => state.systemPrompt, showPrompt);
settings.subscribe((state) => state.device, (device) => findCard(device !== 'cpu'));
engines.addEventListener('notice', (event) => toast(/** @type {CustomEvent} */ (event).detail.message));
store.subscribe(
  (state) => state.info?.warning ?? '',
  (warning) => warning && toast(warning),
);
store.subscribe(
  (state) => [state.loadingStep, state.currentModel, state.availableModels.length, state.info?.device].join(),
  () => {
    showModel();
    showWelcome();
    composer.recount();
  },
);
showModel();
composer.focus();

// A printed conversation has its title, and a file of it its name.
const title = /** @type {HTMLElement} */ (document.querySelector('h1'));
addEventListener('beforeprint', () => (document.title = title.textContent = chat.conversation.title));
addEventListener('afterprint', () => (document.title = title.textContent = 'Swiftlet'));

chat.onModelNeeded = reloadModel;
chat.onRoomMade = (count, run) =>
  toast(count === 1 ? 'The oldest message is no longer sent.' : `The oldest ${count} messages are no longer sent.`, {
    label: 'Undo',
    run,
  });
chat.onDeletedElsewhere = (id) =>
  toast('This conversation was deleted in another tab.', { label: 'Undo', run: () => chat.restore(id) });
chat.onPlaceChange = (isStep) => rememberPlace(chat.messages.length ? chat.conversation.id : null, isStep);
onPlaceChange((id) => sidebar.open(id, false));
const place = currentPlace();
if (place) sidebar.open(place, false);

if (!isSecureContext) import('./plain-http.js').then(({ showPlainHTTP }) => showPlainHTTP());
navigator.serviceWorker
  ?.register('service-worker.js')
  .catch((error) => console.warn('The page will not work offline.', error));

const contextMeter = import('./context-meter.js');
contextMeter.catch(tellMissing);
await loadModel(settings.getState().model, undefined, true);
const { ContextMeter } = await contextMeter;
meter = new ContextMeter(chat, engines, composer);
