/** Work of a cluster that takes its time: shown step by step. Ctrl-C ends the showing, not the work. */
import type { CommandProgress } from '../director/commands.js'
import type { AdminClient } from './admin-client.js'
import { ClusterAnswerError } from './cluster-errors.js'
import { EXIT_INTERRUPTED } from './failure.js'

/** One such work. */
export interface LongWork<Result> {
  /** For messages: `the reload` */
  readonly name: string
  readonly path: string
  readonly body?: object
  readonly isJson: boolean
  /** @param ms how long it took @returns what came of it, for people */
  readonly summary: (result: Result, ms: number) => string
}

/** Has it done, and prints its steps and its result. @throws ClusterUnreachableError | ClusterAnswerError */
export async function showLongWork<Result>(client: AdminClient, work: LongWork<Result>): Promise<void> {
  const { name, path, body = {}, isJson, summary } = work
  const begunAt = performance.now()
  const leaving = new AbortController()
  process.once('SIGINT', () => leaving.abort())
  const steps = new Steps()
  try {
    for await (const line of client.command<Result>(path, body, leaving.signal)) {
      if (isJson) process.stdout.write(`${JSON.stringify(line)}\n`)
      else if ('progress' in line) steps.show(line.progress)
      else steps.end(summary(line.result, performance.now() - begunAt))
    }
  } catch (error) {
    steps.interrupt()
    if (leaving.signal.aborted) {
      process.stderr.write(`Not watching any more; ${name} goes on. "troupe status" shows how it is.\n`)
      process.exit(EXIT_INTERRUPTED)
    }
    if (isJson && error instanceof ClusterAnswerError) {
      const { code, message, detail } = error
      process.stdout.write(
        `${JSON.stringify({ error: { code, message, ...(detail === null ? {} : { detail }) } })}\n`,
      )
    }
    throw error
  }
}

/** A line for each step; on a terminal the partitions that are left count down in place. */
class Steps {
  readonly #isTerminal = process.stdout.isTTY === true
  /** Who is counting down in the line that is not ended yet. */
  #counting: string | null = null

  show(progress: CommandProgress): void {
    const { webServer } = progress
    const isCount = progress.step === 'draining' && this.#isTerminal
    if (isCount && this.#counting === webServer) process.stdout.write('\r\u001b[K')
    else this.interrupt()
    process.stdout.write(`${stepText(progress)}${isCount ? '' : '\n'}`)
    this.#counting = isCount ? webServer : null
  }

  end(text: string): void {
    this.interrupt()
    process.stdout.write(`${text}\n`)
  }

  /** What follows begins a line of its own. */
  interrupt(): void {
    if (this.#counting !== null) process.stdout.write('\n')
    this.#counting = null
  }
}

function stepText(progress: CommandProgress): string {
  const { step, webServer } = progress
  switch (step) {
    case 'starting':
      return `  ${webServer} is starting`
    case 'started':
      return `  ${webServer} serves`
    case 'draining':
      return `  ${webServer} hands over: ${progress.partitions} partitions left`
    case 'stopped':
      return `  ${webServer} has stopped`
    default:
      return step satisfies never
  }
}
