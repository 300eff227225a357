// Signing in and out, as a person does it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DUTY_OFFICER, SIZES, base, idle, launch, open, shoot } from './browser.mjs';

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

const fill = async (page, { name, password }) => {
  await page.locator('#name').fill(name);
  await page.locator('#word').fill(password);
  await page.locator('button[type=submit]').click();
};

test('nobody sees the map before they have said who they are, and then it is where they were going', async () => {
  const { page, context } = await open(browser, '/desk#map=12/25.6/117.2', { as: null });
  await page.waitForURL('**/sign-in?next=*');
  await page.locator('#name').waitFor();
  await shoot(page, 'sign-in-desk');
  await fill(page, { ...DUTY_OFFICER, password: 'Wrong-word-2026' });
  await page.getByRole('alert').filter({ hasText: '账号、口令或动态口令不对' }).waitFor();
  await fill(page, DUTY_OFFICER);
  await page.waitForURL(/\/desk#map=12\//);
  await idle(page);
  const cookies = await context.cookies();
  const session = cookies.find((cookie) => cookie.name === 'yitu_session');
  assert.ok(session?.httpOnly && session.sameSite === 'Strict', JSON.stringify(session));
  assert.equal(await page.evaluate(() => document.cookie), '', 'no script reads it');
  await context.close();
});

test('whoever signs out is out', async () => {
  const { page, context, faults } = await open(browser, '/');
  await page.getByText('值班员(演示)').waitFor();
  await page.locator('[data-test=leave]').click();
  await page.waitForURL('**/sign-in');
  assert.deepEqual(faults, []);
  const answer = await context.request.get(`${base}/api/county`);
  assert.equal(answer.status(), 401);
  await context.close();
});

test('an administrator sets up a second factor first, on a phone too', async () => {
  const { page, context } = await open(browser, '/sign-in', { as: null, viewport: SIZES.field });
  await fill(page, { name: 'auditor', password: DUTY_OFFICER.password });
  const secret = await page.locator('[data-test=secret]').innerText();
  assert.match(secret, /^([A-Z2-7]{4} ?){8}$/);
  await shoot(page, 'sign-in-factor');
  await page.locator('#first').fill('000000');
  await page.locator('button[type=submit]').click();
  await page.getByRole('alert').filter({ hasText: '动态口令不对' }).waitFor();
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing stands out');
  await context.close();
});
