import t from 'tap'
import type { DeliberateFault, Profile } from './parameters.js'
import { runSchedule } from './simulation.js'

/** Each mistake must be found within so many schedules of each profile. */
const SCHEDULES_MAX = 400

const MISTAKES: Readonly<Record<DeliberateFault, string>> = {
  'ack-before-apply': 'a replica that acknowledges before it holds the change',
  'no-epoch-check': 'a replica that takes mutations of an earlier owner',
  'first-answer-wins': 'an owner that believes the first replica instead of the newest',
  'no-tombstones': 'a replica that forgets what was destroyed',
  'evict-unacknowledged': 'a cache that evicts what is not acknowledged',
  'no-push-of-cached': 'an owner that does not push its cached sessions when a session server is lost',
  'settled-before-barrier': 'an owner that reports settled before its replicas have acknowledged',
  'stale-handover': 'an owner that hands over its sessions as they were before its last requests',
}

for (const [mistake, sentence] of Object.entries(MISTAKES)) {
  t.test(`the checks find ${sentence}`, async t => {
    const found = firstSeedThatFinds(mistake as DeliberateFault)
    t.ok(found, `found within ${SCHEDULES_MAX} seeds`)
    t.comment(`seed ${found?.seed}, ${found?.profile}: ${found?.violation}`)
  })
}

function firstSeedThatFinds(deliberateFault: DeliberateFault) {
  for (let seed = 1; seed <= SCHEDULES_MAX; seed++) {
    for (const profile of ['covered', 'storm'] satisfies Profile[]) {
      const { violation } = runSchedule({ seed, profile, deliberateFault })
      if (violation !== null) return { seed, profile, violation }
    }
  }
  return undefined
}
