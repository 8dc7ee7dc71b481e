/** Long uploads and downloads, each by a process of its own. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** One request with a long body, a long answer, or both. */
export interface StreamJob {
  readonly url: string
  readonly method: 'GET' | 'POST'
  /** Bytes of the body of a POST. */
  readonly bytes: number
  /** Whether the client rests while it reads the answer. */
  readonly slow: boolean
}

/** What the client saw. */
export interface StreamResult {
  readonly status: number
  readonly sentSha1: string
  readonly receivedBytes: number
  readonly receivedSha1: string
  /** The answer, when it is short. */
  readonly text: string
}

/** @returns when the answer has been read to its end @throws when the client failed */
export async function stream(job: StreamJob): Promise<StreamResult> {
  const child = fork(fileURLToPath(new URL('./load-streams-process.js', import.meta.url)), {
    execArgv: ['--enable-source-maps'],
  })
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`the client ended with ${code}: its error is on standard error`)
  })
  const answered = once(child, 'message')
  child.send(job)
  const [result] = await Promise.race([answered, failed])
  failed.catch(() => undefined)
  return result as StreamResult
}
