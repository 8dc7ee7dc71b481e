/** A schedule told to a reader: numbered sentences, each with the virtual time and who did what, and how it ended. */
import type { Schedule } from './schedule.js'
import { runSchedule, type ScheduleResult, type Trace } from './simulation.js'

/** Sentences of a story: beyond that, what is in the middle is left out. */
const SENTENCES_MAX = 400

/** @param run how it is run: with the same deliberate fault, if any */
export function storyOf(
  schedule: Schedule,
  run: (schedule: Schedule, trace: Trace) => ScheduleResult = runSchedule,
): string {
  const sentences: string[] = []
  const { violation, endedAt } = run(schedule, {
    tell: (now, who, what) => sentences.push(sentence(sentences.length + 1, now, `${who} ${what}`)),
  })
  const omitted = sentences.length - SENTENCES_MAX
  if (omitted > 0) sentences.splice(SENTENCES_MAX / 2, omitted, `    … ${omitted} sentences …`)
  const end = violation === null ? 'Everything held.' : `VIOLATION: ${violation}`
  return [settingOf(schedule), ...sentences, sentence(sentences.length + 1, endedAt, end)].join('\n')
}

function settingOf({ seed, parameters }: Schedule): string {
  const { profile, webServers, sessionServers, copies, acks } = parameters
  const places = sessionServers.map(
    ({ isRemote, hasDisk }, index) =>
      `s-${index + 1} ${isRemote ? 'on a host of its own' : 'here'}${hasDisk ? ', with a disk' : ''}`,
  )
  return (
    `Seed ${seed}, ${profile}: web servers: ${webServers}; session servers: ${places.join('; ')}; ` +
    `copies: ${copies}; acks: ${acks}.`
  )
}

function sentence(number: number, at: number, what: string): string {
  return `${String(number).padStart(3)}. ${String(at).padStart(6)} ms  ${what}`
}
