/**
 * POST /reload, /scale, /actors/NAME/drain and /actors/NAME/kill. The first three take their time: whoever accepts
 * application/x-ndjson is told each step as it happens, everybody else the outcome. Either may leave: the work goes on.
 */
import type { CommandOptions, CommandProgress } from '../director/commands.js'
import type { Answer } from './answers.js'
import { bodyOf } from './body.js'
import { AdminBodyError, type Failure, failureAnswer, failureOf } from './failures.js'
import { JsonLines, wantsLines } from './json-lines.js'
import type { Asking, Route } from './route.js'

/** One line of a command's answer: steps, and in the end its result or why it failed. */
export type CommandLine<Result> =
  | { readonly progress: CommandProgress }
  | { readonly result: Result }
  | { readonly error: Failure }

export const reloadRoute: Route = {
  method: 'POST',
  run: ({ cluster }, asking) => answer(asking, options => cluster.reload(options)),
}

/** Its body: `{ "webServers": 4 }` */
export const scaleRoute: Route = {
  method: 'POST',
  run: ({ cluster }, asking) =>
    answer(asking, options => cluster.scale(countOf(bodyOf(asking.body)), options)),
}

/** @returns the route that drains this actor */
export function drainRoute(actor: string): Route {
  return {
    method: 'POST',
    run: ({ cluster }, asking) => answer(asking, options => cluster.drain(actor, options)),
  }
}

/** @returns the route that kills this actor */
export function killRoute(actor: string): Route {
  return {
    method: 'POST',
    run: async ({ cluster }) => {
      try {
        await cluster.kill(actor)
      } catch (error) {
        return failureAnswer(error)
      }
      return { status: 202, body: { killed: actor } }
    },
  }
}

async function answer(
  { request, response }: Asking,
  command: (options: CommandOptions) => Promise<object>,
): Promise<Answer | null> {
  const lines = wantsLines(request) ? new JsonLines(response) : null
  try {
    const result = await command({ onProgress: progress => lines?.write({ progress }) })
    if (lines === null) return { status: 200, body: result }
    lines.end({ result })
    return null
  } catch (error) {
    if (lines?.isBegun !== true) return failureAnswer(error)
    lines.end({ error: failureOf(error) })
    return null
  }
}

function countOf({ webServers }: Readonly<Record<string, unknown>>): number {
  if (typeof webServers === 'number') return webServers
  throw new AdminBodyError(
    `The body's webServers is ${typeof webServers}, expected a number: { "webServers": 4 }.`,
  )
}
