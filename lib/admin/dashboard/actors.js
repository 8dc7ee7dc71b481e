/** A card for each actor: its state, its figures, the place of its partitions, and what can be done to it. */
import { bytesText, short } from './figures.js'

/** @import { ClusterMeasures } from '../../director/measured.js' */

/** Colours of owners; further ones begin again. */
export const OWNER_COLOURS = 8

/**
 * @typedef {object} Shown
 * @property {(actor: string) => number | null} busy share of the time in which its event loop works
 * @property {readonly string[]} actions what can be done to a web server
 * @property {(actor: string, role: string, action: string) => void} onAction
 */

/** @param {ClusterMeasures} measures @param {Shown} shown */
export function showActors(measures, shown) {
  showDirector(measures, shown)
  cards('web-servers', measures.webServers, (server, card, index) => {
    card.style.setProperty('--owner', `var(--owner-${index % OWNER_COLOURS})`)
    facts(card, [
      ['Partitions', String(server.partitions)],
      ['Sessions', short(server.stats?.sessions ?? null)],
      ['In flight', String(server.requestsInFlight)],
      ['Event loop', percent(shown.busy(server.name))],
      ['Heap', server.stats === null ? '–' : bytesText(server.stats.heapUsedBytes)],
      ['Outbox', short(server.stats?.outboxDepth ?? null)],
      ['Cache hits', percent(hitsOf(server.stats))],
      ['Restarts', String(server.restarts)],
    ])
    actions(card, server.name, 'web server', shown.actions, shown.onAction)
  })
  cards('session-servers', measures.sessionServers, (server, card) => {
    facts(card, [
      ['Up to date', String(server.partitions)],
      ['Sessions', short(server.stats?.sessions ?? null)],
      ['Size', server.stats === null ? '–' : bytesText(server.stats.bytes)],
      ['Event loop', percent(shown.busy(server.name))],
      ['Heap', server.stats === null ? '–' : bytesText(server.stats.heapUsedBytes)],
      ['Restarts', String(server.restarts)],
      [server.host === null ? 'Store' : `On ${server.host}`, server.store],
      ['Tombstones', short(server.stats?.tombstones ?? null)],
    ])
    actions(card, server.name, 'session server', ['kill'], shown.onAction)
  })
}

/** @param {ClusterMeasures} measures @param {Shown} shown */
function showDirector({ director, partitions }, { busy }) {
  setState(byId('director-state'), director.state)
  byId('director-connections').textContent = short(director.connections)
  byId('director-loop').textContent = percent(busy('director'))
  byId('director-memory').textContent = bytesText(director.residentBytes)
  byId('director-unowned').textContent = String(partitions.unowned)
}

/**
 * @template {{ readonly name: string, readonly state: string }} Server
 * @param {string} list @param {readonly Server[]} servers
 * @param {(server: Server, card: HTMLElement, index: number) => void} fill
 */
function cards(list, servers, fill) {
  const parent = byId(list)
  for (const card of [...parent.children]) {
    if (card instanceof HTMLElement && !servers.some(({ name }) => name === card.dataset.actor)) card.remove()
  }
  for (const [index, server] of servers.entries()) {
    const known = [...parent.children].find(
      card => card instanceof HTMLElement && card.dataset.actor === server.name,
    )
    const card = known instanceof HTMLElement ? known : parent.appendChild(newCard(server.name))
    card.dataset.state = server.state
    setState(/** @type {HTMLElement} */ (card.querySelector('.state')), server.state)
    fill(server, card, index)
  }
}

/** @param {string} name @returns {HTMLElement} */
function newCard(name) {
  const card = document.createElement('li')
  card.className = 'actor'
  card.dataset.actor = name
  const header = document.createElement('header')
  const title = document.createElement('h4')
  title.textContent = name
  const state = document.createElement('span')
  state.className = 'state'
  const buttons = document.createElement('span')
  buttons.className = 'buttons'
  header.append(title, state, buttons)
  const list = document.createElement('dl')
  list.className = 'facts'
  const territory = document.createElement('div')
  territory.className = 'territory'
  territory.dataset.territory = name
  card.append(header, territory, list)
  return card
}

/** @param {HTMLElement} card @param {readonly [string, string][]} pairs */
function facts(card, pairs) {
  const list = /** @type {HTMLElement} */ (card.querySelector('.facts'))
  if (list.childElementCount === 0) {
    for (const [name] of pairs) {
      const pair = document.createElement('div')
      const term = document.createElement('dt')
      term.textContent = name
      pair.append(term, document.createElement('dd'))
      list.append(pair)
    }
  }
  for (const [index, [, value]] of pairs.entries()) {
    const shown = list.children[index]?.lastElementChild
    if (shown && shown.textContent !== value) shown.textContent = value
  }
}

/**
 * @param {HTMLElement} card @param {string} actor @param {string} role @param {readonly string[]} names
 * @param {(actor: string, role: string, action: string) => void} onAction
 */
function actions(card, actor, role, names, onAction) {
  const buttons = /** @type {HTMLElement} */ (card.querySelector('.buttons'))
  if (buttons.childElementCount === names.length) return
  buttons.replaceChildren(
    ...names.map(name => {
      const button = document.createElement('button')
      button.type = 'button'
      button.className = 'plain'
      button.textContent = name === 'kill' ? 'Kill' : 'Drain'
      button.setAttribute('aria-label', `${button.textContent} ${actor}`)
      button.dataset.action = name
      button.addEventListener('click', () => onAction(actor, role, name))
      return button
    }),
  )
}

/** @param {HTMLElement} element @param {string} state */
function setState(element, state) {
  element.dataset.state = state
  if (element.textContent !== state) element.textContent = state
}

/** @param {ClusterMeasures['webServers'][number]['stats']} stats @returns {number | null} of all since its start */
function hitsOf(stats) {
  const all = (stats?.cacheHits ?? 0) + (stats?.cacheMisses ?? 0)
  return stats === null || all === 0 ? null : stats.cacheHits / all
}

/** @param {number | null} share */
function percent(share) {
  return share === null ? '–' : `${Math.round(share * 100)}%`
}

/** @param {string} id */
function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id))
}
