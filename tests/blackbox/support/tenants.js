// Two partners with customers of their own, for tests of what nobody must see of another.
import { randomUUID } from 'node:crypto';
import { client, makeModel, setup, startServer } from './server.js';
import { blob, editDatabase } from './database.js';

/**
 * Partner A with a published model and the customers `customer` and `sibling`; partner B, which no API makes, with the
 * customer `foreign` and the key `foreignPartnerKey`. { server (stop() also removes the folder), model, customer, sibling,
 * foreign, foreignPartnerKey }. `edit({ dir, partner_id, customer })` may change the database while the program is down.
 */
export async function twoPartners(args, edit = () => {}) {
  const keys = setup();
  const first = Object.assign(await startServer({ dir: keys.dir, args }), keys);
  const partner = client(first, 'partner', keys.partner_key);
  const model = await makeModel(first);
  await partner.post(`/models/${model.id}/publish`, {});
  const customer = await partner.post('/organizations', { name: 'Customer A', admin_contact_email: 'a@example.com' });
  const sibling = await partner.post('/organizations', { name: 'Sibling', admin_contact_email: 's@example.com' });
  const foreign = await partner.post('/organizations', { name: 'Customer B', admin_contact_email: 'b@example.com' });
  const foreignPartnerKey = await partner.post('/api_keys', { name: 'B' }, 201);
  await first.stop();
  const other = randomUUID();
  editDatabase(keys.dir, `
    INSERT INTO partner (id, name, short_code, created_at) VALUES (${blob(other)}, 'Partner B', 'BBBB', ${Date.now()});
    UPDATE api_key SET tenant_no = (SELECT no FROM partner WHERE id = ${blob(other)}) WHERE id = ${blob(foreignPartnerKey.id)};
    UPDATE organization SET partner_no = (SELECT no FROM partner WHERE id = ${blob(other)}) WHERE id = ${blob(foreign.id)};`);
  edit({ ...keys, customer });
  const server = Object.assign(await startServer({ dir: keys.dir, args }), keys);
  const { stop } = server;
  server.stop = async () => { await stop(); keys.remove(); };
  return { server, model, customer, sibling, foreign, foreignPartnerKey: foreignPartnerKey.key };
}
