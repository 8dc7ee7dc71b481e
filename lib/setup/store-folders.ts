/** The folders of this host's stores: each can be written, and none is that of two session servers. */
import { access, constants, mkdir, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { HostPart } from '../config/host-part.js'
import { TroupeError } from '../errors.js'

/** The folder of a session server can't be made, or this user may not write there. */
export class FolderUnwritableError extends TroupeError {
  readonly code = 'FOLDER_UNWRITABLE'
}

/** Two session servers have the same folder, by paths that differ. */
export class FolderSharedError extends TroupeError {
  readonly code = 'FOLDER_SHARED'
}

/** What is in it is nobody's business but that of the user that runs Troupe. */
const FOLDER_MODE = 0o700

/** Looks at the folders of the stores and makes nothing. @throws FolderUnwritableError | FolderSharedError */
export async function checkFolders(part: HostPart): Promise<void> {
  await eachFolder(part, async path => {
    const existing = await nearestExisting(path)
    if (!(await stat(existing)).isDirectory()) throw notAFolder()
    await access(existing, WRITABLE)
  })
}

/**
 * Makes the folders of the stores where they are missing, for this user only.
 * @throws FolderUnwritableError | FolderSharedError
 */
export async function makeFolders(part: HostPart): Promise<void> {
  await checkFolders(part)
  await eachFolder(part, async path => {
    await mkdir(path, { recursive: true, mode: FOLDER_MODE })
    await access(path, WRITABLE)
  })
}

const WRITABLE = constants.R_OK | constants.W_OK | constants.X_OK

async function eachFolder(
  { sessionServers }: HostPart,
  visit: (path: string) => Promise<void>,
): Promise<void> {
  const users = new Map<string, string>()
  for (const { name, store } of sessionServers) {
    if (store.kind !== 'lmdb') continue
    try {
      await visit(store.path)
    } catch (cause) {
      throw new FolderUnwritableError(
        `sessionServers: the path of ${name}, ${store.path}, can't be written (${errnoOf(cause)}). ` +
          'Give the path of a folder that this user may write, on a disk that is not read-only.',
        { cause },
      )
    }
    const place = await realPath(store.path)
    const other = users.get(place)
    if (other !== undefined) {
      throw new FolderSharedError(
        `sessionServers: the path of ${name}, ${store.path}, leads to the folder of ${other} (${place}). ` +
          'Give each a folder of its own, best on another disk.',
      )
    }
    users.set(place, name)
  }
}

/** @returns the path without symbolic links, as far as it exists */
async function realPath(path: string): Promise<string> {
  const existing = await nearestExisting(path)
  return join(await realpath(existing), path.slice(existing.length))
}

/** @returns the path, or the nearest folder above it, that exists */
async function nearestExisting(path: string): Promise<string> {
  try {
    await stat(path)
    return path
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' || basename(path) === '') throw error
    return await nearestExisting(dirname(path))
  }
}

function notAFolder(): Error {
  return Object.assign(new Error('not a folder'), { code: 'ENOTDIR' })
}

function errnoOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error)
}
