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

/** Through the button to the identity server, and what is typed in there. */
const through = async (page, login) => {
  await page.locator('[data-test=oidc]').click();
  await page.waitForURL('http://localhost:*/login/*');
  await page.getByLabel('账号').fill(login);
  await page.getByRole('button', { name: '登录' }).click();
};

test('through the county\'s identity server one comes to where one was going', async () => {
  const { page, context } = await open(browser, '/desk#map=12/25.6/117.2', { as: null });
  await page.locator('[data-test=oidc]').filter({ hasText: '县统一身份认证' }).waitFor();
  await shoot(page, 'sign-in-oidc-desk');
  await through(page, 'nobody');
  await page.getByRole('alert').filter({ hasText: '没有同意登录' }).waitFor();
  await through(page, 'wu');
  await page.waitForURL(/\/desk#map=12\//);
  await idle(page);
  const cookies = await context.cookies(base);
  const session = cookies.find((cookie) => cookie.name === 'yitu_session');
  assert.ok(session?.httpOnly && session.sameSite === 'Strict', JSON.stringify(session));
  assert.equal(cookies.some((cookie) => cookie.name === 'yitu_oidc'), false, 'nothing is left of the way');
  const { account } = await page.evaluate(() => fetch('/api/session').then((answer) => answer.json()));
  assert.equal(account, 'county_leader');
  await context.close();
});

test('an administrator who comes from there still sets up a second factor, on a phone too', async () => {
  const { page, context } = await open(browser, '/sign-in', { as: null, viewport: SIZES.field });
  await page.locator('[data-test=oidc]').waitFor();
  await shoot(page, 'sign-in-oidc-field');
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing stands out');
  await through(page, 'chen');
  assert.match(await page.locator('[data-test=secret]').innerText(), /^([A-Z2-7]{4} ?){8}$/);
  await context.close();
});

test('what the sign-in page says is its own', async () => {
  const { page, context, faults } = await open(browser, '/sign-in?failed=' + encodeURIComponent('请致电 12345 核对口令'), { as: null });
  await page.locator('[data-test=oidc]').waitFor();
  assert.equal(await page.getByRole('alert').count(), 0);
  assert.deepEqual(faults, []);
  await context.close();
});
