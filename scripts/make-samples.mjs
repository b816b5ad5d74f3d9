// Draws the images in data/samples: typical user images, free of third-party rights.
import { mkdir } from 'node:fs/promises';
import sharp from 'sharp';

const directory = new URL('../data/samples/', import.meta.url);
const file = (name) => new URL(name, directory).pathname;

const product = `<svg xmlns="http://www.w3.org/2000/svg" width="480" height="360">
  <defs>
    <linearGradient id="glass" x1="0" x2="1"><stop offset="0" stop-color="#0d5c63"/><stop offset=".35" stop-color="#2fa7a0"/>
      <stop offset=".5" stop-color="#b6ece2"/><stop offset=".62" stop-color="#2a938f"/><stop offset="1" stop-color="#0a3f47"/></linearGradient>
    <linearGradient id="cap" x1="0" x2="1"><stop offset="0" stop-color="#2b2b30"/><stop offset=".45" stop-color="#77777f"/><stop offset="1" stop-color="#17171a"/></linearGradient>
    <radialGradient id="shadow"><stop offset="0" stop-color="#000" stop-opacity=".28"/><stop offset="1" stop-color="#000" stop-opacity="0"/></radialGradient>
  </defs>
  <rect width="480" height="360" fill="#ececea"/>
  <ellipse cx="240" cy="316" rx="105" ry="14" fill="url(#shadow)"/>
  <rect x="214" y="38" width="52" height="44" rx="6" fill="url(#cap)"/>
  <path d="M218 82 h44 v22 c0 20 44 26 44 62 v124 c0 14 -10 24 -24 24 h-84 c-14 0 -24 -10 -24 -24 v-124 c0 -36 44 -42 44 -62 z" fill="url(#glass)"/>
  <rect x="186" y="188" width="108" height="78" rx="4" fill="#f6f1e4"/>
  <text x="240" y="222" font-family="serif" font-size="22" text-anchor="middle" fill="#26413f">TONIC</text>
  <text x="240" y="246" font-family="sans-serif" font-size="11" text-anchor="middle" fill="#4c6d68">juniper and mint</text>
</svg>`;

// As a viewer displays it: 360 wide, 480 high.
const portrait = `<svg xmlns="http://www.w3.org/2000/svg" width="360" height="480">
  <defs>
    <linearGradient id="pot" x1="0" x2="1"><stop offset="0" stop-color="#7d3c22"/><stop offset=".4" stop-color="#cf7a4c"/><stop offset="1" stop-color="#6b301a"/></linearGradient>
  </defs>
  <rect width="360" height="480" fill="#d9dfe4"/>
  <g fill="#2f6b3a">
    <path d="M178 300 C120 250 90 180 108 110 C150 160 182 220 182 300 z"/>
    <path d="M182 300 C240 252 276 190 262 104 C214 158 178 222 178 300 z" fill="#3b8548"/>
    <path d="M176 300 C150 220 152 130 182 60 C212 130 212 220 186 300 z" fill="#57a45f"/>
    <path d="M174 302 C110 292 70 262 48 212 C108 214 160 248 180 302 z" fill="#3b8548"/>
    <path d="M186 302 C248 292 290 262 314 208 C252 212 202 248 180 302 z"/>
  </g>
  <path d="M112 296 h136 l-18 124 c-2 12 -10 18 -22 18 h-56 c-12 0 -20 -6 -22 -18 z" fill="url(#pot)"/>
  <rect x="102" y="284" width="156" height="30" rx="8" fill="url(#pot)"/>
</svg>`;

const badge = `<svg xmlns="http://www.w3.org/2000/svg" width="256" height="256">
  <defs><linearGradient id="sun" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="#ffb347"/><stop offset="1" stop-color="#e4572e"/></linearGradient></defs>
  <circle cx="128" cy="128" r="104" fill="url(#sun)"/>
  <circle cx="128" cy="128" r="112" fill="none" stroke="#3a2e39" stroke-width="6" stroke-opacity=".6"/>
  <path d="M40 158 L96 92 L128 130 L160 84 L216 158 C196 206 60 206 40 158 z" fill="#3a2e39"/>
  <path d="M40 168 q22 -14 44 0 t44 0 t44 0 t44 0" fill="none" stroke="#fff" stroke-width="7"/>
</svg>`;

await mkdir(directory, { recursive: true });
await sharp(Buffer.from(product)).flatten().jpeg({ quality: 92 }).toFile(file('product.jpg'));
// A phone stores the sensor's rows and declares by EXIF orientation 6 that a viewer must rotate them clockwise.
await sharp(await sharp(Buffer.from(portrait)).png().toBuffer())
  .flatten()
  .rotate(270)
  .withMetadata({ orientation: 6 })
  .jpeg({ quality: 92 })
  .toFile(file('phone-photo.jpg'));
await sharp(Buffer.from(badge)).png().toFile(file('transparent-badge.png'));
process.stdout.write('Wrote product.jpg, phone-photo.jpg and transparent-badge.png to data/samples.\n');
