/** `npm run fuzz -- --seed N --runs N`: prints the seed, and of a fault the shortest bytes that show it. */
import { parseArgs } from 'node:util'
import { underAttack } from './attacked.js'
import { fuzz } from './fuzz.js'

const { values } = parseArgs({ options: { seed: { type: 'string' }, runs: { type: 'string' } } })
const seed = Number(values.seed ?? Date.now() % 2 ** 31)
const runs = Number(values.runs ?? 2_000)
const afterwards: (() => unknown)[] = []
const attacked = await underAttack({ teardown: leave => void afterwards.unshift(leave) })
console.log(`seed ${seed}, ${runs} runs`)
try {
  await fuzz(attacked, { seed, runs })
  console.log(
    `no fault; the canary asked ${attacked.canary.turns} times and waited ${attacked.canary.slowestMs} ms at most`,
  )
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
for (const leave of afterwards) await leave()
