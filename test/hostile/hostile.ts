/**
 * `npm run hostile`: runs the corpus against a running cluster and prints what came of each case, with `--report` as the
 * Markdown table of docs/reliability.md. Ends with 1 when an outcome is not the stated one or the canary was harmed.
 */
import { underAttack } from './attacked.js'
import { FRAMING } from './corpus/framing.js'
import { HEADS } from './corpus/heads.js'
import { outcomeOf, runCase } from './run-case.js'

const isReport = process.argv.includes('--report')
const afterwards: (() => unknown)[] = []
const attacked = await underAttack({ teardown: leave => void afterwards.unshift(leave) })
let wrong = 0
if (isReport) console.log('| Case | Outcome | As it is written |\n|---|---|---|')
for (const hostile of [...FRAMING, ...HEADS]) {
  const { outcome, heads } = await runCase(attacked, hostile)
  const isRight = heads && hostile.outcomes.some(each => outcomeOf(each) === outcome)
  if (!isRight) wrong++
  const verdict = isRight ? outcome : `WRONG: ${outcome}${heads ? '' : ', not as parsed'}`
  if (isReport) console.log(`| ${hostile.name} | ${cell(verdict)} | ${hostile.source} |`)
  else console.log(`${isRight ? 'ok' : '!!'} ${hostile.name}: ${verdict}`)
}
const { canary } = attacked
console.log(
  `\nThe canary asked ${canary.turns} times, waited ${canary.slowestMs} ms at most, and was harmed ${canary.harm.length} times.`,
)
for (const harm of canary.harm) console.log(harm)
for (const leave of afterwards) await leave()
process.exitCode = wrong + canary.harm.length > 0 ? 1 : 0

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
