/** Runs one case of the corpus and says in one line what came of it. */
import { isDeepStrictEqual } from 'node:util'
import { type Aftermath, provoke } from './answers.js'
import type { Attacked } from './attacked.js'
import { AFTER, type HostileCase, type Outcome } from './corpus/case.js'
import type { Sighting } from './echo-app.js'

/** Longest wait for what an app saw to be told, ms. */
const SIGHTING_MS_MAX = 5_000

/** What came of a case. */
export interface CaseRun {
  /** As {@link outcomeOf} words it. */
  readonly outcome: string
  /** Whether apps saw the same requests, headers included, as the director's parser. */
  readonly heads: boolean
}

/** Sends a case, and what follows it, on a connection of its own. */
export async function runCase(
  attacked: Attacked,
  { bytes, alone = false }: HostileCase,
  send: (pieces: readonly (string | Buffer)[]) => Promise<Aftermath> = pieces =>
    provoke(attacked.port, pieces),
): Promise<CaseRun> {
  const { parsed, seen } = attacked
  parsed.length = 0
  seen.length = 0
  const pieces = typeof bytes === 'string' || Buffer.isBuffer(bytes) ? [bytes] : bytes
  const aftermath = await send(alone ? pieces : [...pieces, AFTER])
  const deadline = Date.now() + SIGHTING_MS_MAX
  while (seen.length < parsed.length && Date.now() < deadline)
    await new Promise(resolve => setTimeout(resolve, 2))
  const answers = aftermath.answers.map(({ status }) => status)
  const outcome = outcomeOf({ answers, seen: seen.map(wordsOf) })
  const rest = aftermath.rest === '' ? '' : ', and bytes that are no answer'
  const open = aftermath.closed ? '' : ', and stays open'
  return { outcome: `${outcome}${rest}${open}`, heads: sameHeads(attacked) }
}

/** An outcome in words: `400, closed` or `200 200, closed; the app saw GET /a, GET /after`. */
export function outcomeOf({ answers, seen }: Outcome): string {
  const saw = seen.length === 0 ? '' : `; the app saw ${[...seen].sort().map(shortened).join(', ')}`
  return `${answers.length === 0 ? '' : `${answers.join(' ')}, `}closed${saw}`
}

/** Whether everything that was parsed was seen, and nothing else. */
export function sameHeads({ parsed, seen }: Attacked): boolean {
  const heads = (list: readonly Pick<Sighting, 'method' | 'url' | 'rawHeaders'>[]) =>
    list.map(({ method, url, rawHeaders }) => JSON.stringify([method, url, rawHeaders])).sort()
  return isDeepStrictEqual(heads(parsed), heads(seen))
}

function wordsOf({ method, url, body, complete }: Sighting): string {
  const bytes = body.length === 0 ? '' : ` ${body.length}`
  return `${method} ${url}${complete ? bytes : ' cut'}`
}

function shortened(text: string): string {
  return text.length > 80 ? `${text.slice(0, 60)}… (${text.length} characters)` : text
}
