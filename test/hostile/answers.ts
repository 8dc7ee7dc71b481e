/** Bytes to a server on a connection of their own, and the answers that came back, told apart as HTTP/1.1 does. */
import { connect, type Socket } from 'node:net'

/** One answer. */
export interface RawAnswer {
  readonly status: number
  /** The head as it came. */
  readonly head: string
  /** latin1. */
  readonly body: string
}

/** What became of a connection. */
export interface Aftermath {
  readonly answers: readonly RawAnswer[]
  /** What came that is no answer, or no whole one. */
  readonly rest: string
  /** The server had closed it before the time was over. */
  readonly closed: boolean
}

/** Longest wait for a server to close, ms. */
const CLOSE_MS_MAX = 15_000

/** Sends pieces, each in a packet of its own as far as that can be had, and waits until the server closes. */
export async function provoke(
  port: number,
  pieces: readonly (string | Buffer)[],
  options: { readonly halfClose?: boolean; readonly waitMs?: number } = {},
): Promise<Aftermath> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
  return await provokeOn(socket, pieces, options)
}

/** As {@link provoke}, on a connection that is there, TLS say. */
export async function provokeOn(
  socket: Socket,
  pieces: readonly (string | Buffer)[],
  {
    halfClose = false,
    waitMs = CLOSE_MS_MAX,
  }: { readonly halfClose?: boolean; readonly waitMs?: number } = {},
): Promise<Aftermath> {
  let received = ''
  let closed = false
  const over = new Promise<void>(resolve => {
    socket.on('data', chunk => {
      received += chunk.toString('latin1')
    })
    // What the server has closed is closed for this side too.
    socket.on('end', () => {
      closed = true
      socket.destroy()
      resolve()
    })
    socket.on('error', () => {
      closed = true
      resolve()
    })
    socket.on('close', () => resolve())
  })
  const timer = setTimeout(() => socket.destroy(), waitMs)
  for (const piece of pieces) {
    if (!socket.writable) break
    socket.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece)
    if (pieces.length > 1) await new Promise(resolve => setImmediate(resolve))
  }
  if (halfClose) socket.end()
  await over
  clearTimeout(timer)
  return { ...answersIn(received), closed }
}

/** @param text what came on one connection, latin1 */
export function answersIn(text: string): { readonly answers: readonly RawAnswer[]; readonly rest: string } {
  const answers: RawAnswer[] = []
  let rest = text
  for (;;) {
    const status = /^HTTP\/1\.1 (\d{3}) [^\r\n]*\r\n/.exec(rest)
    const end = rest.indexOf('\r\n\r\n')
    if (status === null || end === -1) return { answers, rest }
    const head = rest.slice(0, end)
    const after = rest.slice(end + 4)
    const bytes = bodyLength(Number(status[1]), head, after)
    if (bytes === null) return { answers, rest }
    answers.push({ status: Number(status[1]), head, body: after.slice(0, bytes) })
    rest = after.slice(bytes)
  }
}

/** @returns how many of the bytes after a head are its body, null when it is not whole */
function bodyLength(status: number, head: string, after: string): number | null {
  if (status < 200) return 0
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) {
    const end = /(?:^|\r\n)0\r\n\r\n/.exec(after)
    return end === null ? null : end.index + end[0].length
  }
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (length === undefined) return after.length
  return Number(length) <= after.length ? Number(length) : null
}
