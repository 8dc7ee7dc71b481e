/** Why copies can't be kept on disk: one class for each thing that an operator can do about it. */
import { TroupeError } from '../../errors.js'

/** Its folder, or a file in it, can't be made, read or written by this process. */
export class StoreUnwritableError extends TroupeError {
  readonly code = 'STORE_UNWRITABLE'

  constructor(path: string, found: string, cause?: unknown) {
    super(
      `The folder ${path} ${found}. A session server needs a folder of its own that this user may read and write: ` +
        'mend its permissions, mount it writable, or name another.',
      { cause },
    )
  }
}

/** The disk, a quota or the largest allowed file is full. Nothing was acknowledged that is not on it. */
export class StoreFullError extends TroupeError {
  readonly code = 'STORE_FULL'

  constructor(path: string, found: string, cause?: unknown) {
    super(
      `There is no room for session copies in ${path}: ${found}. Make room; the session server is started again ` +
        'and again meanwhile.',
      { cause },
    )
  }
}

/** The file is damaged: cut off, overwritten, or altered. It was left as it is. */
export class StoreCorruptError extends TroupeError {
  readonly code = 'STORE_CORRUPT'

  constructor(path: string, found: string, cause?: unknown) {
    super(
      `The session copies in ${path} are damaged: ${found}. Nothing was changed. Put a backup in its place, or move ` +
        'the folder away: an empty one is filled again from the other session servers.',
      { cause },
    )
  }
}

/** The folder holds something that this version of Troupe does not read. It was left as it is. */
export class StoreFormatError extends TroupeError {
  readonly code = 'STORE_FORMAT'

  constructor(path: string, found: string, cause?: unknown) {
    super(
      `${path} holds ${found}. Nothing was changed. Start the version of Troupe that wrote it, or name another folder.`,
      { cause },
    )
  }
}

/** The folder belongs to a session server of another name. It was left as it is. */
export class StoreOwnerError extends TroupeError {
  readonly code = 'STORE_OWNER'

  constructor(path: string, found: string, expected: string) {
    super(
      `${path} holds the copies of session server ${JSON.stringify(found)}, not of ${JSON.stringify(expected)}. ` +
        'Nothing was changed. Give each session server a folder of its own.',
    )
  }
}

/** Another process or thread uses the folder, or has taken it over. */
export class StoreLockedError extends TroupeError {
  readonly code = 'STORE_LOCKED'

  constructor(path: string, found: string) {
    super(
      `${path} ${found}. One folder serves one session server at a time: stop the other, or name another folder.`,
    )
  }
}

/** The disk failed in a way that has no class of its own, or did not answer in time. */
export class StoreFailedError extends TroupeError {
  readonly code = 'STORE_FAILED'

  constructor(path: string, found: string, cause?: unknown) {
    super(`Session copies can't be kept in ${path}: ${found}. Look at the disk and the system's log.`, {
      cause,
    })
  }
}

/** What LMDB and the system report, as the error that says what to do. Of {@link TroupeError}s there is nothing to say. */
export function asStoreError(error: unknown, path: string): TroupeError {
  if (error instanceof TroupeError) return error
  const message = error instanceof Error ? error.message : String(error)
  switch (codeOf(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
    case ERRNO_ENOSPC:
    case ERRNO_EDQUOT:
    case ERRNO_EFBIG:
    case MDB_MAP_FULL:
      return new StoreFullError(path, message, error)
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOTDIR':
    case 'EEXIST':
    case 'ENOENT':
    case ERRNO_EACCES:
    case ERRNO_EROFS:
      return new StoreUnwritableError(path, `can't be used (${message})`, error)
    case MDB_INVALID:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
      return new StoreCorruptError(path, message, error)
    case MDB_VERSION_MISMATCH:
      return new StoreFormatError(path, `a file of another format of LMDB (${message})`, error)
    default:
      return new StoreFailedError(path, message, error)
  }
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
}

// LMDB gives the system's errors as errno and its own as numbers below -30000 (lmdb.h); both are part of its interface.
const ERRNO_EACCES = 13
const ERRNO_EFBIG = 27
const ERRNO_ENOSPC = 28
const ERRNO_EROFS = 30
const ERRNO_EDQUOT = 122
const MDB_PAGE_NOTFOUND = -30797
const MDB_CORRUPTED = -30796
const MDB_VERSION_MISMATCH = -30794
const MDB_INVALID = -30793
const MDB_MAP_FULL = -30792
