import type { ErrorRecord } from './errors.js';
import type { Surroundings } from './placement.js';
import type { CatalogModel } from './wire.js';

export interface SearchOptions {
  /** `https://huggingface.co` when left out. */
  hubURL?: string;
  /** Most models to find; 12 when left out. */
  limit?: number;
  signal?: AbortSignal;
}

/** A repository that was found; its files are known once it is described. */
export interface FoundModel {
  /** `owner/name`. */
  name: string;
  /** In the last 30 days. */
  downloads: number;
  /** Whether its makers ask for an agreement first. */
  isGated: boolean;
  license: string | null;
  architecture: string | null;
  contextLength: number | null;
  /** Number of weights. */
  parameters: number | null;
  /** Whether the engine has the architecture; null when the hub does not tell it. */
  runs: boolean | null;
}

export interface DescribeOptions {
  /** `https://huggingface.co` when left out. */
  hubURL?: string;
  /** What a URL is relative to; the page when left out. */
  baseURL?: string;
  /** The catalog, as the manager's state has it, so that its names are known. */
  models?: readonly CatalogModel[];
  /** Tokens of context that the memory is reckoned for; the usual ones when left out. */
  contextLength?: number;
  /** Of another browser or device than this one. */
  here?: Surroundings;
  signal?: AbortSignal;
}

/** What a name means; what is not known is null. */
export interface ModelDescription {
  kind: 'catalog' | 'repository' | 'url';
  /** As `initialize` takes it, with the quantization or the file that was chosen. */
  name: string;
  /** For people. */
  title: string;
  repository: string | null;
  /** The repository's page on the hub. */
  page: string | null;
  url: string | null;
  /** Of the file in its repository. */
  path: string | null;
  /** Bytes of the file, or of all parts. */
  size: number | null;
  /** Files that it is in. */
  parts: number;
  sha256: string | null;
  quantization: string | null;
  license: string | null;
  isGated: boolean;
  architecture: string | null;
  /** Tokens that it was trained for. */
  contextLength: number | null;
  /** Number of weights. */
  parameters: number | null;
  /** Whether it has a chat template; one that has none continues text. */
  hasTemplate: boolean | null;
  /** The files that can be chosen instead, this one among them. */
  choices: { name: string; path: string; quantization: string | null; size: number; parts: number; runs: boolean | null; fits: boolean | null }[];
  /** Files that cannot: parts of models that are not all there, and projectors. */
  leftOut: { parts: number; projectors: number };
  /** Bytes of memory, with the keys and values of the context. */
  need: number | null;
  /** Whether the engine has its architecture and quantization. */
  runs: boolean | null;
  /** Whether this browser and device can hold it. */
  fits: boolean | null;
  /** What keeps it from being used here, if anything. */
  problem: ErrorRecord | null;
}

/**
 * Searches the hub for models in the GGUF format, the most downloaded first.
 *
 * @throws `RequestError` when there is nothing to search for, `DownloadError` when the hub cannot be asked.
 */
export function searchModels(words: string, options?: SearchOptions): Promise<FoundModel[]>;

/**
 * Tells what a model's name means before any of its weights are fetched.
 *
 * @throws `RequestError` for what is no name, which nobody is asked about; `ModelError` when there is no such model;
 *   `DownloadError` when its place cannot be reached.
 */
export function describeModel(name: string, options?: DescribeOptions): Promise<ModelDescription>;
