// Debian's Chromium for the browser tests: one fresh profile, screenshots in out/, and everything the page complains about.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const out = fileURLToPath(new URL('./out/', import.meta.url));
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
export const wide = { width: 1440, height: 900 };
export const phone = { width: 360, height: 760 };
export const WAIT_MS = 90_000; // sanitizers on a loaded machine

export async function startBrowser() {
  const profile = mkdtempSync(join(tmpdir(), 'muster-chromium-'));
  mkdirSync(out, { recursive: true });
  const context = await chromium.launchPersistentContext(profile, {
    executablePath, headless: true, viewport: wide, reducedMotion: 'reduce', ignoreHTTPSErrors: true, permissions: [],
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  context.setDefaultTimeout(WAIT_MS);
  const complaints = [];
  const watch = (page) => {
    page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error' && !/Failed to load resource|ERR_/.test(message.text())) complaints.push(`${page.url()}: ${message.text()}`);
    });
  };
  context.on('page', watch);
  const page = context.pages()[0] ?? await context.newPage();
  watch(page);
  return {
    context, page, complaints,
    shot: (name, from = page) => from.screenshot({ path: join(out, `${name}.png`) }),
    close: async () => {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/** Controls without a name and ids used twice: what keyboard and screen-reader users would stumble over. */
export function nameless(page) {
  return page.evaluate(() => {
    const shown = (e) => e.checkVisibility?.() ?? true;
    const named = (e) => (e.getAttribute('aria-label') || e.getAttribute('title') || e.textContent.trim() || [...(e.labels ?? [])].map((l) => l.textContent.trim()).join('')
      || e.getAttribute('aria-labelledby'));
    const bad = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, dialog')].filter((e) => shown(e) && !named(e)).map((e) => e.outerHTML.slice(0, 160));
    const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
    return [...bad, ...ids.filter((id, i) => ids.indexOf(id) !== i).map((id) => `id twice: ${id}`)];
  });
}

/** Text whose contrast with what lies behind it is below AA (4.5, large text 3). Flat backgrounds only. */
export function faint(page) {
  return page.evaluate(() => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const rgba = (text) => {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = text;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
      return [r, g, b, a / 255];
    };
    const over = ([r, g, b, a], [x, y, z]) => [r * a + x * (1 - a), g * a + y * (1 - a), b * a + z * (1 - a)];
    const light = (c) => c.map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = (e) => {
      const layers = [];
      for (let at = e; at; at = at.parentElement) {
        layers.push(rgba(getComputedStyle(at).backgroundColor));
        if (layers.at(-1)[3] === 1) break;
      }
      return layers.reduceRight((base, layer) => over(layer, base), rgba(getComputedStyle(document.body).backgroundColor));
    };
    const found = [];
    for (const e of document.querySelectorAll('body *')) {
      const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
      if (!own || !e.checkVisibility() || e.closest('.sr, [aria-hidden=true], :disabled, [aria-disabled], .is-off, option')) continue;
      const style = getComputedStyle(e);
      const back = behind(e);
      const [a, b] = [light(over(rgba(style.color), back)), light(back)].sort((x, y) => y - x);
      const ratio = (a + 0.05) / (b + 0.05);
      const size = parseFloat(style.fontSize);
      if (ratio < (size >= 24 || (size >= 18.6 && Number(style.fontWeight) >= 700) ? 3 : 4.5)) found.push(`${ratio.toFixed(2)} ${e.className} "${e.textContent.trim().slice(0, 40)}"`);
    }
    return [...new Set(found)];
  });
}
