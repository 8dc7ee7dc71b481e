/** Runs the real command line in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../lib/cli/main.js', import.meta.url))

/** What a finished command left. */
export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Where a command runs. */
export interface Surroundings {
  readonly cwd: string
  /** Its whole environment, but for PATH. */
  readonly env?: NodeJS.ProcessEnv
}

/** Runs a command to its end. */
export function troupe(args: readonly string[], surroundings: Surroundings): Promise<Finished> {
  return new Command(args, surroundings).finished
}

/** A command that runs. */
export class Command {
  readonly process: ChildProcess
  readonly finished: Promise<Finished>
  #stdout = ''
  #stderr = ''

  constructor(args: readonly string[], { cwd, env = {} }: Surroundings) {
    const child = spawn(process.execPath, [MAIN, ...args], {
      cwd,
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.process = child
    collect(child.stdout, text => {
      this.#stdout += text
    })
    collect(child.stderr, text => {
      this.#stderr += text
    })
    this.finished = once(child, 'close').then(([code]) => ({
      code,
      stdout: this.#stdout,
      stderr: this.#stderr,
    }))
  }

  /** @returns the match, once standard output has it. @throws when the command ends without. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#stdout)
      if (match !== null) return match
      const { stdout } = this.process
      if (stdout === null || stdout.closed) {
        throw new Error(`The command never printed ${pattern}:\n${this.#stdout}${this.#stderr}`)
      }
      const heard = new AbortController()
      const { signal } = heard
      await Promise.race([once(stdout, 'data', { signal }), once(stdout, 'close', { signal })])
      // Takes the other listener away.
      heard.abort()
    }
  }
}

/** What is used of a test. */
export interface Teardown {
  teardown(end: () => unknown): void
}

/** Runs `troupe start` and waits until it has said where it listens; it ends with the test. */
export async function serve(t: Teardown, args: readonly string[], surroundings: Surroundings) {
  const command = new Command(['start', ...args], surroundings)
  t.teardown(() => command.process.kill('SIGKILL'))
  const [, url = ''] = await command.printed(/"msg":"open (http:[^"]+)"/)
  return { command, url }
}

function collect(stream: Readable, add: (text: string) => void): void {
  stream.setEncoding('utf8').on('data', add)
}
