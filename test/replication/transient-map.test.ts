import t from 'tap'
import { TransientMap } from '../../lib/replication/transient-map.js'

/** More additions than a map of two takes before it moves. */
const MANY = 1000

t.test('a walk does not meet what was deleted meanwhile, though the map has moved', async t => {
  const map = new TransientMap<string, number>()
  map.set('a', 1)
  map.set('b', 2)
  map.set('c', 3)
  const met: number[] = []
  for (const value of map.values()) {
    met.push(value)
    if (value !== 1) continue
    for (let n = 0; n < MANY; n++) {
      map.set('passing', n)
      map.delete('passing')
    }
    map.delete('b')
    map.set('c', 33)
  }
  t.strictSame(met, [1, 33])
  t.strictSame([...map.values()], [1, 33])
})
