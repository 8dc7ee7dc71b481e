/** What the shop sells. The drawings are SVG, part of the page. */
import { html, trusted } from './html.js'

const euros = new Intl.NumberFormat('en', { style: 'currency', currency: 'EUR' })

/** Prices in cents; drawings on a field of 120 by 120. */
export const PRODUCTS = [
  {
    id: 'mask',
    name: 'Comedy mask',
    cents: 2490,
    about: 'Papier mâché, painted by hand. Smiles through every disaster.',
    tint: '#f6c453',
    art: '<path d="M30 34q30-16 60 0v30q0 32-30 40-30-8-30-40z" fill="#fff7e0" stroke="#5b4312" stroke-width="3"/><path d="M42 52q8-8 14 0M64 52q6-8 14 0" fill="none" stroke="#5b4312" stroke-width="4"/><path d="M42 70q18 26 36 0-18 8-36 0z" fill="#b3261e"/>',
  },
  {
    id: 'lantern',
    name: 'Storm lantern',
    cents: 3900,
    about: 'Flickers without a flame. Runs for three acts and an encore.',
    tint: '#8ab4f8',
    art: '<path d="M44 40a16 16 0 0 1 32 0" fill="none" stroke="#26364f" stroke-width="4"/><rect x="40" y="40" width="40" height="8" fill="#26364f"/><rect x="44" y="48" width="32" height="42" rx="6" fill="#fff3c4" stroke="#26364f" stroke-width="3"/><path d="M60 60q10 14 0 22-10-8 0-22z" fill="#f29900"/><rect x="38" y="90" width="44" height="10" rx="3" fill="#26364f"/>',
  },
  {
    id: 'hat',
    name: 'Top hat',
    cents: 5450,
    about: 'Felt, with a false bottom. Rabbit not included.',
    tint: '#c5b3e6',
    art: '<ellipse cx="60" cy="92" rx="42" ry="9" fill="#221a33"/><path d="M38 34h44l-4 56H42z" fill="#2f2447"/><ellipse cx="60" cy="34" rx="22" ry="6" fill="#433463"/><path d="M40.500 74h39l-.8 10H41.300z" fill="#b3261e"/>',
  },
  {
    id: 'book',
    name: "Prompter's book",
    cents: 1290,
    about: 'Two hundred blank pages with a wide margin for what goes wrong.',
    tint: '#a8dab5',
    art: '<path d="M60 40q-18-10-36-2v52q18-8 36 2 18-10 36-2V38q-18-8-36 2z" fill="#fff" stroke="#1e4d2b" stroke-width="3"/><path d="M60 40v52" stroke="#1e4d2b" stroke-width="3"/><path d="M32 50h20M32 60h20M32 70h14M68 50h20M68 60h20M68 70h12" stroke="#6b8f76" stroke-width="3"/>',
  },
  {
    id: 'curtain',
    name: 'Velvet curtain',
    cents: 18900,
    about: 'Three by five metres, flame-retardant, closes on cue.',
    tint: '#f4a9a8',
    art: '<rect x="20" y="24" width="80" height="8" rx="4" fill="#7a5c00"/><path d="M24 32h34q-2 44-30 66h-4zM96 32H62q2 44 30 66h4z" fill="#a50e0e"/><path d="M34 34q0 36-8 58M46 34q-2 30-14 54M86 34q0 36 8 58M74 34q2 30 14 54" fill="none" stroke="#7b0a0a" stroke-width="3"/>',
  },
  {
    id: 'glasses',
    name: 'Opera glasses',
    cents: 6700,
    about: 'Brass, threefold. For the people in the cheap seats.',
    tint: '#fdd663',
    art: '<path d="M30 50h22l6 34H24zM68 50h22l6 34H62z" fill="#7a5c00"/><rect x="50" y="54" width="20" height="10" fill="#4d3a00"/><ellipse cx="41" cy="85" rx="18" ry="7" fill="#cfe3ff" stroke="#4d3a00" stroke-width="3"/><ellipse cx="79" cy="85" rx="18" ry="7" fill="#cfe3ff" stroke="#4d3a00" stroke-width="3"/><rect x="32" y="40" width="18" height="10" rx="3" fill="#4d3a00"/><rect x="70" y="40" width="18" height="10" rx="3" fill="#4d3a00"/>',
  },
  {
    id: 'spotlight',
    name: 'Spotlight',
    cents: 24900,
    about: 'Finds whoever has forgotten the next line.',
    tint: '#aecbfa',
    art: '<path d="M58 56 24 104h72z" fill="#fff6bf"/><rect x="44" y="26" width="32" height="30" rx="6" fill="#3c4043"/><rect x="40" y="52" width="40" height="8" rx="3" fill="#202124"/><path d="M60 26V14M46 14h28" stroke="#202124" stroke-width="4"/>',
  },
  {
    id: 'skull',
    name: 'Skull, well known',
    cents: 1990,
    about: 'A fellow of infinite jest. Resin, washable.',
    tint: '#d7ccc8',
    art: '<path d="M60 26c26 0 36 18 34 36-1 10-8 12-9 18l-1 10H36l-1-10c-1-6-8-8-9-18-2-18 8-36 34-36z" fill="#fffdf5" stroke="#4e423d" stroke-width="3"/><circle cx="46" cy="62" r="9" fill="#4e423d"/><circle cx="74" cy="62" r="9" fill="#4e423d"/><path d="m60 70-5 10h10z" fill="#4e423d"/><path d="M44 90v12h32V90M52 92v10M60 92v10M68 92v10" fill="#fffdf5" stroke="#4e423d" stroke-width="3"/>',
  },
]

const BY_ID = new Map(PRODUCTS.map(product => [product.id, product]))

/** @returns the product, or undefined. */
export function productById(id) {
  return BY_ID.get(id)
}

/** @returns the drawing; the product's name stands beside it, so that it needs no text of its own. */
export function drawing({ tint, art }) {
  return html`<svg viewBox="0 0 120 120" aria-hidden="true"><rect width="120" height="120" rx="12" fill="${tint}"/>${trusted(art)}</svg>`
}

/** @returns cents as text. */
export function price(cents) {
  return euros.format(cents / 100)
}
