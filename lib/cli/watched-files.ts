/** Tells when code changes: the files of some folders and what is below them. */
import { type FSWatcher, statSync, watch } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'

/** What is to be watched. */
export interface WatchedFilesOptions {
  /** Folders, with all below them, and files. Absolute. */
  readonly places: readonly string[]
  /** Folders to leave out. Absolute. */
  readonly except: readonly string[]
  /** Called with the path of what has changed, more than once for one change. */
  readonly onChange: (path: string) => void
  /** Called when something can't be watched; the rest is. */
  readonly onTrouble: (error: Error) => void
}

/** What apps are made of; what they write, such as uploads and databases, is none of it. */
const EXTENSIONS: ReadonlySet<string> = new Set(
  ['js', 'mjs', 'cjs', 'ts', 'mts', 'cts', 'jsx', 'tsx', 'json', 'env', 'ejs', 'hbs', 'pug', 'html'].map(
    name => `.${name}`,
  ),
)
/** Each costs the system a little; a project with more has its code in one of its folders. */
const FOLDERS_MAX = 4_096

/** Watches until it is closed. Without recursion of the system's: that can't leave node_modules out. */
export class WatchedFiles {
  readonly #options: WatchedFilesOptions
  /** By folder. */
  readonly #watchers = new Map<string, FSWatcher>()
  /** Those of single files: a file is watched by its folder, since editors put a new one in its place. */
  readonly #ofFiles: FSWatcher[] = []
  #isClosed = false

  constructor(options: WatchedFilesOptions) {
    this.#options = options
  }

  /** Begins. Resolves when everything that there is now is watched. */
  async open(): Promise<void> {
    for (const place of this.#options.places) {
      if (isFolder(place)) {
        await this.#watchFolder(place)
        continue
      }
      const watcher = this.#watch(dirname(place), path => path === place)
      if (watcher !== null) this.#ofFiles.push(watcher)
    }
  }

  close(): void {
    this.#isClosed = true
    for (const watcher of [...this.#watchers.values(), ...this.#ofFiles]) watcher.close()
    this.#watchers.clear()
  }

  async #watchFolder(folder: string): Promise<void> {
    if (this.#isClosed || this.#watchers.has(folder) || this.#isLeftOut(folder)) return
    if (this.#watchers.size >= FOLDERS_MAX) {
      this.#options.onTrouble(new Error(`There are more than ${FOLDERS_MAX} folders; watch some of them.`))
      return
    }
    const watcher = this.#watch(folder, isCode)
    if (watcher === null) return
    this.#watchers.set(folder, watcher)
    watcher.on('error', () => this.#forget(folder))
    // A folder that is gone again, or that may not be read.
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
    for (const entry of entries) if (entry.isDirectory()) await this.#watchFolder(join(folder, entry.name))
  }

  #watch(folder: string, isMeant: (path: string) => boolean): FSWatcher | null {
    try {
      // An error means that the folder is gone.
      return watch(folder, (_event, name) => this.#onEvent(folder, name, isMeant)).on('error', () => {})
    } catch (error) {
      this.#options.onTrouble(error instanceof Error ? error : new Error(String(error)))
      return null
    }
  }

  #onEvent(folder: string, name: string | null, isMeant: (path: string) => boolean): void {
    if (this.#isClosed || name === null) return
    const path = join(folder, name)
    if (isMeant(path)) this.#options.onChange(path)
    else if (isMeant === isCode && isFolder(path)) void this.#onNewFolder(path)
    // One of that name can come again: then it is another.
    else if (this.#watchers.has(path)) this.#forget(path)
  }

  /** Files can be in it before it is watched. */
  async #onNewFolder(path: string): Promise<void> {
    if (this.#watchers.has(path) || this.#isLeftOut(path)) return
    await this.#watchFolder(path)
    this.#options.onChange(path)
  }

  #forget(folder: string): void {
    this.#watchers.get(folder)?.close()
    this.#watchers.delete(folder)
  }

  #isLeftOut(folder: string): boolean {
    const { places, except } = this.#options
    if (places.includes(folder)) return false
    const name = basename(folder)
    return name === 'node_modules' || name.startsWith('.') || except.includes(folder)
  }
}

function isCode(path: string): boolean {
  const name = basename(path)
  return EXTENSIONS.has(extname(name)) || name === '.env'
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}
