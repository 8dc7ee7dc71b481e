/** The file of a unix socket: who is behind it, and taking away the one that a dead server left. */
import { lstat, unlink } from 'node:fs/promises'
import { connect } from 'node:net'

/** The longest path of a unix socket on Linux, bytes; longer ones would be cut off silently. */
export const SOCKET_PATH_BYTES_MAX = 107

/** What is at the path of a socket: nothing, a socket without or with a server, or another kind of file. */
export type SocketState = 'free' | 'stale' | 'live' | 'other'

/** @throws what the system says when it can't be told, such as EACCES */
export async function socketStateOf(path: string): Promise<SocketState> {
  try {
    const found = await lstat(path)
    if (!found.isSocket()) return 'other'
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 'free'
    throw error
  }
  return await new Promise<SocketState>((resolve, reject) => {
    const socket = connect(path)
    socket.on('connect', () => {
      socket.destroy()
      resolve('live')
    })
    socket.on('error', error => {
      if (codeOf(error) === 'ECONNREFUSED') resolve('stale')
      else if (codeOf(error) === 'ENOENT') resolve('free')
      // Its queue of connections is full: somebody is there.
      else if (codeOf(error) === 'EAGAIN') resolve('live')
      else reject(error)
    })
  })
}

/**
 * Removes the file that a server left when it died without a chance to. Whatever else is there stays.
 * @throws as `listen` would, when the path is longer than a socket's may be
 */
export async function removeStaleSocket(path: string): Promise<void> {
  if (Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX) throw pathTooLong(path)
  if ((await socketStateOf(path)) !== 'stale') return
  await unlink(path).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error
  })
}

/** As the system says it, which some versions of Node.js keep from doing so. */
export function pathTooLong(path: string): NodeJS.ErrnoException {
  const error = new Error(`listen ENAMETOOLONG: ${path} has more than ${SOCKET_PATH_BYTES_MAX} bytes`)
  return Object.assign(error, { code: 'ENAMETOOLONG', syscall: 'listen', address: path })
}

function codeOf(error: unknown): unknown {
  return (error as NodeJS.ErrnoException).code
}
