/** Actors with faults, and a stage to run them on. Each fault is named after what it does to its thread. */
import type { MessagePort } from 'node:worker_threads'
import { Stage, type WorkerFiles } from '../../../lib/director/actors/stage.js'

/** What the actor in `faulty.ts` exposes. */
export interface FaultyControl {
  /** Answers with its argument. */
  echo(value: unknown): Promise<unknown>
  /** Sends `ping` to a port that came as a field of an argument. */
  pingBack(options: { readonly port: MessagePort }): Promise<void>
  /** Throws a coded error with fields and a coded cause. */
  throwRich(): Promise<void>
  throwText(): Promise<void>
  /** Never answers, while its event loop goes on. */
  neverAnswer(): Promise<void>
  /** An uncaught error a moment later. */
  crashSoon(): Promise<void>
  /** Ends with an error of its own, as an actor does that finds itself unfit. */
  endWithError(): Promise<void>
  exit(code: number): Promise<void>
  hang(): Promise<void>
  exhaustHeap(): Promise<void>
  /** Blocks its event loop for so long, ms, and goes on. */
  block(ms: number): Promise<void>
  stop(): Promise<void>
}

/** Crashes before it exposes anything. */
export interface FaultRoles {
  readonly faulty: FaultyControl
  readonly 'crash-at-start': FaultyControl
  readonly 'crash-on-load': FaultyControl
  /** Its `stop` never answers. */
  readonly unstoppable: FaultyControl
}

const FAULT_FILES: WorkerFiles<FaultRoles> = {
  faulty: new URL('./faulty.js', import.meta.url),
  'crash-at-start': new URL('./crash-at-start.js', import.meta.url),
  'crash-on-load': new URL('./crash-on-load.js', import.meta.url),
  unstoppable: new URL('./unstoppable.js', import.meta.url),
}

/** @returns a stage whose roles are the faults */
export function faultStage(): Stage<FaultRoles> {
  return new Stage(FAULT_FILES)
}

/** A coded error with fields and a coded cause, as actors throw them. */
export function richError(): Error {
  const cause = Object.assign(new TypeError('inner'), { code: 'INNER', depth: 1 })
  const error = Object.assign(new Error('outer', { cause }), { code: 'RICH', detail: { a: [1, 'two'] } })
  error.name = 'RichError'
  return error
}
