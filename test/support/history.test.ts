import t from 'tap'
import { SessionHistory } from './history.js'

function after(...increments: readonly number[]): SessionHistory {
  const history = new SessionHistory('anna')
  for (const value of increments) {
    history.onAsked(1)
    history.onIncremented(value)
  }
  return history
}

t.test('increments that rise by one keep every promise', async t => {
  const history = after(1, 2, 3)
  t.equal(history.onRead(3, 'anna'), null)
  history.onAsked(1)
  t.equal(history.onIncremented(4, 'anna'), null)
})

t.test('an acknowledged increment that is missing later is found', async t => {
  const history = after(1, 2, 3)
  history.onAsked(1)
  t.match(history.onIncremented(3), /answered 3, expected 4 to 4/)
  t.match(after(1, 2).onRead(1), /read 1, expected 2 to 2/)
  t.match(after(1, 2).onRead(Number.NaN), /expected 2 to 2/)
})

t.test('an increment that nobody asked for is found', async t => {
  const history = after(1, 2)
  history.onAsked(1)
  t.match(history.onIncremented(4), /answered 4, expected 3 to 3/)
})

t.test('the session of somebody else is found', async t => {
  t.match(after(1).onRead(1, 'berta'), /anna: was given the session of berta/)
})

t.test('what failed may have happened or not, until an answer tells', async t => {
  const history = after(1)
  history.onAsked(2)
  history.onAsked(1)
  t.equal(history.onIncremented(4), null, 'the failed one ran twice')
  history.onAsked(1)
  t.match(history.onIncremented(6), /expected 5 to 5/, 'and not once more')
})

t.test('what vanished may still happen after a later answer', async t => {
  const history = after(1)
  history.onAsked(1)
  history.onVanished(1)
  history.onAsked(1)
  t.equal(history.onIncremented(2), null)
  t.equal(history.onRead(3), null)
  t.match(history.onRead(2), /read 2, expected 3/, 'and has happened once it was seen')
})
