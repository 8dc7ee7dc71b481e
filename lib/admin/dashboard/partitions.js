/**
 * Draws the partitions: a tile for each in the territory of its owner, in the owner's colour, which flies when the
 * partition moves; and for each session server which of them it holds. A canvas over the cards, since a thousand
 * elements that move would be too many; the table below says the same in words.
 */
import { OWNER_COLOURS } from './actors.js'

/** @import { PartitionMap } from '../../director/measured.js' */

const COLUMNS = 64
const PARTITIONS = 1024
/** Share of a tile's pitch that is drawn. */
const FILL = 0.74
/** Opacity of a copy that is being brought up to date. */
const FAINT = 0.35
const FLIGHT_MS = 650
/** The last tile leaves so much later than the first, ms. */
const STAGGER_MS = 350

/** @typedef {{ x: number, y: number, size: number, colour: string, alpha: number }} Place */
/** @typedef {{ from: Place, to: Place, startsAt: number }} Tile */

const stage = /** @type {HTMLElement} */ (document.getElementById('stage'))
const canvas = /** @type {HTMLCanvasElement} */ (document.getElementById('tiles'))
const reducedMotion = matchMedia('(prefers-reduced-motion: reduce)')

export class PartitionTiles {
  /** @type {PartitionMap | null} */
  #map = null
  /** By where they belong: one for each partition, and one for each of its copies. @type {Map<string, Tile>} */
  #tiles = new Map()
  #frame = 0

  constructor() {
    new ResizeObserver(() => this.#settle()).observe(stage)
    document.addEventListener('theme', () => this.#settle())
  }

  /** @param {PartitionMap} map */
  show(map) {
    this.#map = map
    this.#place(!reducedMotion.matches && this.#tiles.size > 0)
  }

  /** Everything is where it belongs: the page has another size or other colours. */
  #settle() {
    this.#place(false)
  }

  /** @param {boolean} isFlying whether what moves is seen to move */
  #place(isFlying) {
    const map = this.#map
    if (map === null) return
    const now = performance.now()
    const places = [...placesOfOwned(map), ...placesOfCopies(map)]
    let leaves = 0
    this.#tiles = new Map(
      places.map(([key, to]) => {
        const tile = this.#tiles.get(key)
        if (tile === undefined || !isFlying) return [key, { from: to, to, startsAt: 0 }]
        if (isSame(tile.to, to)) return [key, tile]
        return [
          key,
          { from: placeAt(tile, now), to, startsAt: now + (STAGGER_MS * leaves++) / places.length },
        ]
      }),
    )
    this.#draw()
  }

  #draw() {
    cancelAnimationFrame(this.#frame)
    const map = this.#map
    if (map === null) return
    const context = prepare()
    const now = performance.now()
    let isMoving = false
    drawLines(context, map)
    drawRoom(context, [...map.webServers, ...map.sessionServers])
    for (const tile of this.#tiles.values()) {
      const { x, y, size, colour, alpha } = placeAt(tile, now)
      context.globalAlpha = alpha
      context.fillStyle = colour
      context.fillRect(x, y, size, size)
      isMoving ||= now < tile.startsAt + FLIGHT_MS
    }
    context.globalAlpha = 1
    stage.dataset.moving = String(isMoving)
    if (isMoving) this.#frame = requestAnimationFrame(() => this.#draw())
  }
}

/** @param {Place} a @param {Place} b */
function isSame(a, b) {
  return a.x === b.x && a.y === b.y && a.size === b.size && a.colour === b.colour && a.alpha === b.alpha
}

/** Each partition in the territory of its owner. @param {PartitionMap} map @returns {[string, Place][]} */
function placesOfOwned({ owners, webServers }) {
  const boxes = boxesOf([...webServers, 'unowned'])
  const colours = coloursOf(webServers.length)
  /** @type {Map<number, number>} */
  const filled = new Map()
  return owners.map((owner, partition) => {
    const slot = filled.get(owner) ?? 0
    filled.set(owner, slot + 1)
    const colour = colours[owner] ?? colours.at(-1) ?? 'currentColor'
    return [`${partition}`, inBox(boxes.get(webServers[owner] ?? 'unowned'), slot, colour, 1)]
  })
}

/**
 * Each copy at its session server, by owner; faint while it is being brought up to date.
 * @param {PartitionMap} map @returns {[string, Place][]}
 */
function placesOfCopies({ owners, webServers, sessionServers, synced, replicas }) {
  const boxes = boxesOf(sessionServers)
  const colours = coloursOf(webServers.length)
  const byOwner = owners.map((_, partition) => partition)
  byOwner.sort((a, b) => (owners[a] ?? 0) - (owners[b] ?? 0) || a - b)
  return sessionServers.flatMap((name, server) => {
    const bit = 1 << server
    const held = byOwner.filter(partition => ((replicas[partition] ?? 0) & bit) !== 0)
    return held.map((partition, slot) => {
      const colour = colours[owners[partition] ?? -1] ?? colours.at(-1) ?? 'currentColor'
      const alpha = ((synced[partition] ?? 0) & bit) === 0 ? FAINT : 1
      return /** @type {[string, Place]} */ ([
        `${name} ${partition}`,
        inBox(boxes.get(name), slot, colour, alpha),
      ])
    })
  })
}

/** @param {Box | undefined} box @param {number} slot @param {string} colour @param {number} alpha @returns {Place} */
function inBox(box, slot, colour, alpha) {
  if (box === undefined) return { x: 0, y: 0, size: 0, colour, alpha }
  const pitch = box.width / COLUMNS
  const [column, row] = [slot % COLUMNS, Math.floor(slot / COLUMNS)]
  return { x: box.x + column * pitch, y: box.y + row * pitch, size: pitch * FILL, colour, alpha }
}

/**
 * The places that every territory has, whether taken or not.
 * @param {CanvasRenderingContext2D} context @param {readonly string[]} names
 */
function drawRoom(context, names) {
  const colour = getComputedStyle(stage).getPropertyValue('--tile-empty')
  context.fillStyle = colour
  for (const box of boxesOf(names).values()) {
    for (let slot = 0; slot < PARTITIONS; slot++) {
      const { x, y, size } = inBox(box, slot, colour, 1)
      context.fillRect(x, y, size, size)
    }
  }
}

/** @returns {CanvasRenderingContext2D} empty, as large as the stage, in its pixels */
function prepare() {
  const { clientWidth, clientHeight } = stage
  const scale = devicePixelRatio
  if (
    canvas.width !== Math.round(clientWidth * scale) ||
    canvas.height !== Math.round(clientHeight * scale)
  ) {
    canvas.width = Math.round(clientWidth * scale)
    canvas.height = Math.round(clientHeight * scale)
  }
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'))
  context.setTransform(scale, 0, 0, scale, 0, 0)
  context.clearRect(0, 0, clientWidth, clientHeight)
  return context
}

/** @param {Tile} tile @param {number} now @returns {Place} */
function placeAt({ from, to, startsAt }, now) {
  const share = Math.min(1, Math.max(0, (now - startsAt) / FLIGHT_MS))
  if (share === 1 || from === to) return to
  // Eases in and out.
  const eased = share < 0.5 ? 4 * share ** 3 : 1 - (2 - 2 * share) ** 3 / 2
  const between = (/** @type {number} */ a, /** @type {number} */ b) => a + (b - a) * eased
  return {
    x: between(from.x, to.x),
    y: between(from.y, to.y),
    size: between(from.size, to.size),
    colour: eased < 0.5 ? from.colour : to.colour,
    alpha: between(from.alpha, to.alpha),
  }
}

/** Requests go from the director to web servers, copies from these to session servers: where there is room to draw it. */
/** @param {CanvasRenderingContext2D} context @param {PartitionMap} map */
function drawLines(context, { webServers, sessionServers }) {
  const cards = new Map(
    [...stage.querySelectorAll('.actor')].map(card => [
      card instanceof HTMLElement ? (card.dataset.actor ?? 'director') : '',
      boxOf(card),
    ]),
  )
  context.strokeStyle = getComputedStyle(stage).getPropertyValue('--line')
  context.lineWidth = 1
  const director = cards.get('director')
  const webs = webServers.map(name => cards.get(name)).filter(box => box !== undefined)
  const stores = sessionServers.map(name => cards.get(name)).filter(box => box !== undefined)
  const top = Math.min(...webs.map(({ y }) => y))
  const bottom = Math.max(...webs.map(({ y }) => y))
  const storesTop = Math.min(...stores.map(({ y }) => y))
  for (const web of webs) {
    if (director !== undefined && web.y === top) connect(context, director, web)
    if (web.y !== bottom) continue
    for (const store of stores) if (store.y === storesTop) connect(context, web, store)
  }
}

/** @param {CanvasRenderingContext2D} context @param {Box} upper @param {Box} lower */
function connect(context, upper, lower) {
  const [x1, y1] = [upper.x + upper.width / 2, upper.y + upper.height]
  const [x2, y2] = [lower.x + lower.width / 2, lower.y]
  const middle = (y1 + y2) / 2
  context.beginPath()
  context.moveTo(x1, y1)
  context.bezierCurveTo(x1, middle, x2, middle, x2, y2)
  context.stroke()
}

/** @typedef {{ x: number, y: number, width: number, height: number }} Box relative to the stage */

/** @param {readonly string[]} names @returns {Map<string, Box>} */
function boxesOf(names) {
  /** @type {Map<string, Box>} */
  const boxes = new Map()
  for (const name of names) {
    const territory = stage.querySelector(`[data-territory="${name}"]`)
    if (territory !== null) boxes.set(name, boxOf(territory))
  }
  return boxes
}

/** @param {Element} element @returns {Box} */
function boxOf(element) {
  const box = element.getBoundingClientRect()
  const around = stage.getBoundingClientRect()
  return { x: box.x - around.x, y: box.y - around.y, width: box.width, height: box.height }
}

/** @param {number} owners @returns {string[]} a colour for each owner, and for none at the end */
function coloursOf(owners) {
  const style = getComputedStyle(stage)
  const of = (/** @type {number} */ owner) => style.getPropertyValue(`--owner-${owner % OWNER_COLOURS}`)
  return [...Array.from({ length: owners }, (_, owner) => of(owner)), style.getPropertyValue('--unowned')]
}

/** The same in words. @param {PartitionMap} map */
export function showPartitionTable({ owners, webServers, sessionServers, synced, replicas }) {
  const all = owners.map((_, partition) => partition)
  const rows = [
    ...webServers.map((name, server) => ({
      cells: [name, 'web server'],
      held: all.filter(partition => owners[partition] === server),
      coming: 0,
    })),
    ...sessionServers.map((name, server) => {
      const bit = 1 << server
      const isIn = (/** @type {readonly number[]} */ bits) => (/** @type {number} */ partition) =>
        ((bits[partition] ?? 0) & bit) !== 0
      const held = all.filter(isIn(synced))
      return {
        cells: [name, 'session server'],
        held,
        coming: all.filter(isIn(replicas)).length - held.length,
      }
    }),
  ]
  const body = /** @type {HTMLElement} */ (document.getElementById('partition-rows'))
  body.replaceChildren(
    ...rows.map(({ cells: [name, role], held, coming }) => {
      const row = document.createElement('tr')
      const head = document.createElement('th')
      head.scope = 'row'
      head.textContent = name ?? ''
      row.append(head)
      for (const [text, look] of [
        [role ?? '', ''],
        [String(held.length), 'number'],
        [String(coming), 'number'],
        [rangesOf(held), 'ranges'],
      ]) {
        const cell = document.createElement('td')
        cell.textContent = text ?? ''
        if (look) cell.className = look
        row.append(cell)
      }
      return row
    }),
  )
}

/** @param {readonly number[]} partitions ascending @returns {string} `0–511, 600` */
function rangesOf(partitions) {
  /** @type {[number, number][]} */
  const ranges = []
  for (const partition of partitions) {
    const last = ranges.at(-1)
    if (last !== undefined && last[1] === partition - 1) last[1] = partition
    else ranges.push([partition, partition])
  }
  const shown = ranges.slice(0, 12).map(([from, to]) => (from === to ? String(from) : `${from}–${to}`))
  const more = ranges.length - shown.length
  if (shown.length === 0) return 'none'
  return more > 0 ? `${shown.join(', ')} and ${more} more ranges` : shown.join(', ')
}
