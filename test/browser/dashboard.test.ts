import { mkdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { type Browser, chromium, type Page } from 'playwright-core'
import t from 'tap'
import { startAdmin } from '../../lib/admin/admin.js'
import type { ObservedCluster } from '../../lib/director/observed-cluster.js'
import { startCluster } from '../support/cluster.js'
import { until } from '../support/until.js'

const CHROMIUM = '/usr/bin/chromium'
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
const IMAGES = fileURLToPath(new URL('../../../docs/images/', import.meta.url))
const TOKEN = 'a-token-of-more-than-thirty-two-characters'
/** The claim: what the cluster tells is on the page within so long, ms. */
const SHOWN_WITHIN_MS = 1_000

const cluster = await startCluster(t, {
  admin: { port: 0 },
  sessionServers: [
    { name: 'a', store: 'memory' },
    { name: 'b', store: 'memory' },
  ],
})
const url = cluster.adminUrl ?? ''
/** The test's cluster is a director, which the admin listener sees through. */
const observed = cluster as unknown as ObservedCluster
const browser: Browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS })
t.teardown(() => browser.close())
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface Opened {
  readonly page: Page
  /** Errors on the console, uncaught ones, and requests to anywhere else. */
  readonly wrong: readonly string[]
}

async function open(
  options: { width?: number; height?: number; scheme?: 'light' | 'dark'; at?: string } = {},
): Promise<Opened> {
  const { width = 1280, height = 900, scheme = 'light', at = url } = options
  const page = await browser.newPage({ viewport: { width, height }, colorScheme: scheme })
  t.teardown(() => page.close())
  const wrong: string[] = []
  page.on('console', message => {
    if (message.type() === 'error' || message.type() === 'warning') wrong.push(message.text())
  })
  page.on('pageerror', error => wrong.push(error.message))
  page.on('request', asked => {
    if (new URL(asked.url()).origin !== at) wrong.push(`asked ${asked.url()}`)
  })
  await page.goto(at)
  return { page, wrong }
}

async function isWell(page: Page): Promise<void> {
  await page.getByText('All partitions owned and copied').waitFor()
}

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe)
  return await page.evaluate(async () => {
    // Runs in the page, where axe has just been put.
    const { axe: inPage } = globalThis as unknown as {
      axe: {
        run(): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }>
      }
    }
    const found = await inPage.run()
    return found.violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map(each => `${each.html} ${each.failureSummary}`).join('; ')}`,
    )
  })
}

await t.test(
  'the dashboard draws the cluster, in dark and light, without an error or a violation of accessibility',
  async t => {
    await cluster.whole()
    for (const scheme of ['light', 'dark'] as const) {
      const { page, wrong } = await open({ scheme })
      await isWell(page)
      t.same(await page.locator('#web-servers h4').allTextContents(), ['web-1', 'web-2'])
      t.same(await page.locator('#session-servers h4').allTextContents(), ['a', 'b'])
      await page.getByText('Partitions as a table').click()
      t.match(await page.locator('#partition-rows').textContent(), /web-1web server512/)
      t.same(await violations(page), [], scheme)
      await page.getByRole('button', { name: 'Kill web-1' }).click()
      t.same(await violations(page), [], `${scheme}, with the question open`)
      t.same(wrong, [])
      await page.close()
    }
  },
)

await t.test('on a phone nothing sticks out', async t => {
  const { page, wrong } = await open({ width: 390, height: 844 })
  await isWell(page)
  const widths = await page.evaluate('[document.scrollingElement.scrollWidth, innerWidth]')
  t.same(widths, [390, 390])
  t.same(wrong, [])
  await page.close()
})

await t.test('the choice of a theme is stronger than the system, and stays', async t => {
  const { page } = await open({ scheme: 'dark' })
  const paper = () => page.evaluate('getComputedStyle(document.body).backgroundColor')
  const dark = await paper()
  await page.getByRole('button', { name: 'Theme: system' }).click()
  await page.getByRole('button', { name: 'Theme: light' }).waitFor()
  const light = await paper()
  t.not(light, dark)
  await page.reload()
  await page.getByRole('button', { name: 'Theme: light' }).waitFor()
  t.equal(await paper(), light)
  await page.close()
})

await t.test('a kill is asked about, done, and on the page with its takeover within a second', async t => {
  const { page, wrong } = await open()
  await isWell(page)
  const happened = new Map<string, number>()
  const unobserve = observed.observe(event => {
    if (!happened.has(event.type)) happened.set(event.type, Date.now())
  })
  t.teardown(unobserve)
  // Notes when each event came to be on the page, by the clock that the cluster goes by.
  await page.evaluate(`
    window.shown = {}
    new MutationObserver(() => {
      for (const { dataset } of document.querySelectorAll('#events li')) shown[dataset.type] ??= Date.now()
    }).observe(document.querySelector('#events'), { childList: true })
    document.querySelectorAll('#events li').forEach(li => li.remove())
  `)
  await page.waitForTimeout(0)
  await page.evaluate('window.shown = {}')

  const kill = page.getByRole('button', { name: 'Kill web-1' })
  await kill.focus()
  await page.keyboard.press('Enter')
  await page.getByRole('dialog', { name: 'Kill web-1?' }).waitFor()
  await page.keyboard.press('Escape')
  t.equal(await page.getByRole('dialog').count(), 0)
  t.equal(happened.size, 0, 'Escape kills nobody')

  await kill.click()
  await page.getByRole('dialog').getByRole('button', { name: 'Kill web-1' }).click()
  const events = page.locator('#events')
  await events.getByText('Takeover from web-1').first().waitFor()
  await events.getByText('web-1 killed').first().waitFor()
  const shown = (await page.evaluate('window.shown')) as Record<string, number>
  for (const type of ['actor:ended', 'takeover']) {
    const delayMs = (shown[type] ?? Number.POSITIVE_INFINITY) - (happened.get(type) ?? 0)
    t.ok(delayMs < SHOWN_WITHIN_MS, `${type} is shown after ${delayMs} ms`)
  }
  await cluster.whole()
  await isWell(page)
  await events.getByText('Handover from web-2 to web-1').first().waitFor()
  await until(async () => /Restarts1/.test((await page.locator('[data-actor="web-1"]').textContent()) ?? ''))
  t.same(wrong, [])
  await page.close()
})

await t.test('with a token the page asks for it first, by a form that a keyboard can fill in', async t => {
  const admin = await startAdmin(
    { host: '127.0.0.1', port: 0, token: TOKEN },
    observed,
    pino({ level: 'silent' }),
  )
  t.teardown(() => admin.close())
  const { page } = await open({ at: admin.url })
  t.same(await violations(page), [])
  await page.getByLabel('Admin token').fill('wrong')
  await page.keyboard.press('Enter')
  await page.getByText('That is not the token of this cluster.').waitFor()
  t.same(await violations(page), [])
  await page.getByLabel('Admin token').fill(TOKEN)
  await page.getByRole('button', { name: 'Log in' }).click()
  await isWell(page)
  t.equal(await page.evaluate('document.cookie'), '', 'no script can read the cookie')
  await page.getByRole('button', { name: 'Kill b' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Kill b' }).click()
  await page.locator('#events').getByText('b killed').first().waitFor()
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByLabel('Admin token').waitFor()
  await page.close()
  await cluster.whole()
})

if (process.env.TROUPE_SCREENSHOTS !== undefined) {
  await t.test('pictures for the documentation', async t => {
    await mkdir(IMAGES, { recursive: true })
    const visits = setInterval(() => {
      for (let visitor = 0; visitor < 3; visitor++)
        void fetch(cluster.url, { method: 'POST' }).then(response => response.text())
    }, 25)
    t.teardown(() => clearInterval(visits))
    const pages = await Promise.all(
      (['light', 'dark'] as const).map(async scheme => ({ scheme, ...(await open({ scheme })) })),
    )
    await new Promise(resolve => setTimeout(resolve, 60_000))
    for (const { scheme, page } of pages) {
      await page.bringToFront()
      await page.screenshot({ path: `${IMAGES}dashboard-${scheme}.png`, fullPage: true })
      await page.close()
    }
  })
}

await t.test('a drained web server hands over and leaves the page', async t => {
  const { page, wrong } = await open()
  await isWell(page)
  await page.getByRole('button', { name: 'Drain web-2' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Drain web-2' }).click()
  await page.locator('#events').getByText('Handover from web-2 to web-1').first().waitFor()
  await page.locator('[data-actor="web-2"]').waitFor({ state: 'detached' })
  t.equal((await cluster.status()).webServers[0]?.partitions, 1024)
  t.same(wrong, [])
  await page.close()
})

await t.test('when the cluster is gone the page says so, and from when its figures are', async t => {
  const { page } = await open()
  await isWell(page)
  await cluster.stop()
  await page.getByRole('alert').getByText('does not answer').waitFor()
  t.match(await page.getByRole('alert').textContent(), /What you see is from .*Trying again/)
  t.equal(await page.locator('#health-text').textContent(), 'Connection lost')
  t.same(await violations(page), [])
})
