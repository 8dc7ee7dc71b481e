import t from 'tap'
import { AutoscaleRule } from '../../lib/director/autoscale-rule.js'

/** Feeds a rule one sample a second, and follows what it says. */
class Cluster {
  readonly rule: AutoscaleRule
  now = 0
  count: number

  constructor(min: number, max: number, count: number) {
    this.rule = new AutoscaleRule({ min, max })
    this.count = count
  }

  /** @returns the numbers of web servers it went through */
  run(seconds: number, utilization: (count: number) => number): number[] {
    const counts = [this.count]
    for (let second = 0; second < seconds; second++) {
      this.now += 1_000
      const wanted = this.rule.onSample(new Array(this.count).fill(utilization(this.count)), this.now)
      if (wanted === this.count) continue
      this.count = wanted
      counts.push(wanted)
      this.rule.onChanged(this.now)
    }
    return counts
  }
}

/** A load that is as much as so many event loops can work, spread evenly. */
const work = (loops: number) => (count: number) => Math.min(1, loops / count)

t.test('a peak of two seconds changes nothing', async t => {
  const cluster = new Cluster(1, 8, 2)
  t.same(cluster.run(2, work(2)), [2])
  t.same(cluster.run(60, work(1.2)), [2])
})

t.test('a load that lasts is answered by what is missing, and then it is calm', async t => {
  t.same(new Cluster(1, 8, 2).run(120, work(1.8)), [2, 3])
  t.same(new Cluster(1, 8, 1).run(120, work(3)), [1, 2, 4], 'at most twice as many at a time')
})

t.test('it goes down one by one, much slower than up', async t => {
  const cluster = new Cluster(1, 8, 4)
  t.same(cluster.run(59, work(0.2)), [4])
  t.same(cluster.run(5, work(0.2)), [4, 3])
  t.same(cluster.run(300, work(0.2)), [3, 2, 1])
})

t.test('bounds hold, whatever the load', async t => {
  t.same(new Cluster(2, 3, 2).run(300, work(9)), [2, 3])
  t.same(new Cluster(2, 3, 3).run(300, work(0)), [3, 2])
  t.same(new Cluster(4, 8, 2).run(1, work(0.1)), [2, 4], 'at once when they have changed')
  t.same(new Cluster(1, 2, 5).run(1, work(5)), [5, 2])
})

t.test('what did not start is not tried again at once, not even to be within bounds', async t => {
  const rule = new AutoscaleRule({ min: 4, max: 8 })
  t.equal(rule.onSample([0.1, 0.1], 1_000), 4)
  rule.onFailed(2_000)
  t.equal(rule.onSample([0.1, 0.1], 3_000), 2)
  t.equal(rule.onSample([0.1, 0.1], 11_000), 2)
  t.equal(rule.onSample([0.1, 0.1], 12_000), 4, 'but when the cool-down is over')
})

t.test('it does not swing: a load that one less could just not bear stays where it is', async t => {
  for (const loops of [0.6, 1.1, 1.6, 2.2, 3.1]) {
    const cluster = new Cluster(1, 16, 1)
    cluster.run(300, work(loops))
    t.equal(cluster.run(3_600, work(loops)).length, 1, `${loops} loops`)
  }
})
