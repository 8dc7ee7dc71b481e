/** The folder of a store: made when it is missing, and looked at before anything is opened in it. */
import { access, constants, mkdir, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { StoreFullError, StoreUnwritableError } from './lmdb-errors.js'

/** Least free space to begin with, bytes: the lock file is mapped into memory, where a full disk ends the process. */
const FREE_BYTES_MIN = 1024 * 1024

/** Every file that LMDB makes in it. */
const FILES = ['data.mdb', 'lock.mdb']

/** @throws (as a rejection) StoreUnwritableError, StoreFullError, or what the system says */
export async function prepareFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  if (!(await stat(path)).isDirectory()) throw new StoreUnwritableError(path, 'is not a folder')
  await access(path, constants.R_OK | constants.W_OK | constants.X_OK)
  for (const file of FILES) await checkFile(join(path, file), path)
  const free = await freeBytes(path)
  if (free < FREE_BYTES_MIN) {
    throw new StoreFullError(
      path,
      `only ${free} bytes are free, ${FREE_BYTES_MIN} are the least to begin with`,
    )
  }
}

/** Whether there is too little room for anything but small changes. */
export async function isFull(path: string): Promise<boolean> {
  return (await freeBytes(path)) < FREE_BYTES_MIN
}

async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path)
  return bavail * bsize
}

async function checkFile(file: string, folder: string): Promise<void> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (found === null) return
  if (!found.isFile()) throw new StoreUnwritableError(folder, `has ${file}, which is not a file`)
  await access(file, constants.R_OK | constants.W_OK)
}
