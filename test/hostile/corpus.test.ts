/** Every case of the corpus against a running cluster: its stated outcome, the same parsed and seen, no canary harmed. */
import t from 'tap'
import { underAttack } from './attacked.js'
import { FRAMING } from './corpus/framing.js'
import { HEADS } from './corpus/heads.js'
import { outcomeOf, runCase } from './run-case.js'

t.test('hostile requests have their stated outcomes, and nobody else notices', async t => {
  const attacked = await underAttack(t)
  for (const hostile of [...FRAMING, ...HEADS]) {
    await t.test(hostile.name, async t => {
      const { outcome, heads } = await runCase(attacked, hostile)
      t.ok(heads, 'what the director parsed is what the app saw')
      t.ok(
        hostile.outcomes.some(each => outcomeOf(each) === outcome),
        `${outcome} is one of ${hostile.outcomes.map(outcomeOf).join(' or ')}`,
      )
    })
  }
  await attacked.canary.turn()
  t.same(attacked.canary.harm, [])
})
