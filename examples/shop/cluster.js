/** The page that shows the cluster behind the shop, and the buttons that break it. */
import { randomBytes } from 'node:crypto'
import { Router } from 'express'
import { cartCount } from './cart-contents.js'
import { crash, exhaustMemory, hang } from './faults.js'
import { flash, formButton } from './forms.js'
import { html } from './html.js'
import { sendPage } from './layout.js'

const ADMIN_TIMEOUT_MS = 3000
/** Long enough for the redirect to be followed once, so that the visitor sees who is about to go. */
const FAULT_DELAY_MS = 300

const FAULTS = {
  crash: { run: crash, label: 'Crash the web server that answered' },
  hang: { run: hang, label: 'Hang it' },
  exhaust: { run: exhaustMemory, label: 'Exhaust its memory' },
}

/** @param {{ name: string, adminUrl: string | null }} context */
export function clusterRoutes({ name, adminUrl }) {
  const router = Router()
  // A web server that was replaced has its old name again, but not its old life.
  const life = `${name}.${randomBytes(4).toString('hex')}`

  router.get('/cluster', async (req, res) => {
    const was = typeof req.query.was === 'string' ? req.query.was : undefined
    const status = await readStatus(adminUrl)
    sendPage(req, res, {
      title: 'The cluster behind this shop',
      current: '/cluster',
      // It is still there: come back in a moment and see who took over.
      head: was === life && html`<meta http-equiv="refresh" content="2">`,
      body: clusterPage(req, { name, life, was, status }),
    })
  })

  for (const [path, { run }] of Object.entries(FAULTS)) {
    router.post(`/cluster/${path}`, (_req, res) => {
      // Only once the redirect is on its way; what happens then happens to no request of this visitor's.
      res.on('finish', () => setTimeout(run, FAULT_DELAY_MS))
      res.redirect(303, `/cluster?was=${encodeURIComponent(life)}`)
    })
  }

  router.post('/cluster/kill', async (req, res) => {
    const actor = String(req.body.actor ?? '')
    const killed = await kill(adminUrl, actor)
    flash(
      req,
      killed ? `${actor} was killed.` : 'That session server could not be killed.',
      killed ? 'good' : 'bad',
    )
    res.redirect(303, '/cluster')
  })

  return router
}

function clusterPage(req, { name, life, was, status }) {
  const count = cartCount(req.session)
  return html`
    ${was !== undefined && notice({ name, life, was, count })}
    <p>This page was made by <strong>${name}</strong>. Your cart holds <strong>${count}</strong> ${count === 1 ? 'piece' : 'pieces'}.</p>
    <p>Put something into <a href="/">your cart</a>, break something here, and see what becomes of it.</p>
    <div class="buttons">${Object.entries(FAULTS).map(([path, { label }]) =>
      formButton(req, { action: `/cluster/${path}`, label, look: 'danger' }),
    )}</div>
    ${status === null ? html`<p class="flash bad">The admin listener does not answer, so there is no more to show.</p>` : statusTables(req, status, name)}
    <p><a class="button plain" href="/cluster">Reload</a></p>`
}

function notice({ name, life, was, count }) {
  if (was === life) {
    return html`<p class="flash" role="status">${name} has not noticed yet. This page reloads itself until it has.</p>`
  }
  const [gone] = was.split('.', 1)
  const successor = gone === name ? `a new ${name}` : name
  return html`<p class="flash good" role="status">The ${gone} that you broke is gone, and ${successor} answers now. Pieces in your cart: ${count}, as before.</p>`
}

function statusTables(req, { webServers, sessionServers, partitions, tableVersion }, name) {
  return html`
    ${table(
      'Web servers',
      ['Name', 'State', 'Partitions', 'Sessions', 'In flight', 'Restarts'],
      webServers,
      server => [
        server.name === name ? `${server.name} (answered)` : server.name,
        server.state,
        server.partitions,
        server.sessions,
        server.requestsInFlight,
        server.restarts,
      ],
    )}
    ${table(
      'Session servers',
      ['Name', 'State', 'Partitions', 'Sessions', 'Restarts', ''],
      sessionServers,
      server => [
        server.name,
        server.state,
        server.partitions,
        server.sessions,
        server.restarts,
        formButton(req, {
          action: '/cluster/kill',
          label: html`Kill<span class="hidden"> session server ${server.name}</span>`,
          fields: { actor: server.name },
          look: 'danger',
        }),
      ],
    )}
    <dl>
      <dt>Partitions</dt><dd>${partitions.total}</dd>
      <dt>Without an owner</dt><dd>${partitions.unowned}</dd>
      <dt>Under-copied</dt><dd>${partitions.underCopied}</dd>
      <dt>Version of the table</dt><dd>${tableVersion}</dd>
    </dl>`
}

function table(caption, columns, rows, cells) {
  return html`<div class="scroll"><table>
    <caption>${caption}</caption>
    <thead><tr>${columns.map(column => html`<th scope="col">${column}</th>`)}</tr></thead>
    <tbody>${rows.map(row => html`<tr>${cells(row).map(cell => html`<td>${cell}</td>`)}</tr>`)}</tbody>
  </table></div>`
}

/** @returns what the admin listener says, or null when it says nothing. */
async function readStatus(adminUrl) {
  if (adminUrl === null) return null
  try {
    const response = await fetch(`${adminUrl}/status`, { signal: AbortSignal.timeout(ADMIN_TIMEOUT_MS) })
    return response.ok ? await response.json() : null
  } catch (error) {
    console.warn('the admin listener does not answer', error)
    return null
  }
}

/** @returns whether there was such an actor to kill. */
async function kill(adminUrl, actor) {
  if (adminUrl === null || !/^[a-z][a-z0-9-]*$/.test(actor)) return false
  try {
    const signal = AbortSignal.timeout(ADMIN_TIMEOUT_MS)
    return (await fetch(`${adminUrl}/actors/${actor}/kill`, { method: 'POST', signal })).ok
  } catch (error) {
    console.warn('the admin listener does not answer', error)
    return false
  }
}
