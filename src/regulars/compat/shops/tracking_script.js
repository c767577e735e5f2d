/* Tells what is looked at and put into carts, where a shop's theme has a script and no pixel: lines of orders the shop
   tells itself. Nothing is told before the visitor allows it. */
(function () {
  "use strict";
  var script = document.currentScript;
  if (!script || window.regularsTracking) return;
  window.regularsTracking = true;
  var asked = new URL(script.src), shop = asked.searchParams.get("shop") || (window.Shopify && window.Shopify.shop);
  var key = asked.searchParams.get("writeKey"), place = asked.origin + "/track", kept = "regulars_session", idle = 30 * 60 * 1000;

  function made() {
    return window.crypto && crypto.randomUUID ? crypto.randomUUID() : Date.now().toString(36) + Math.random().toString(36).slice(2);
  }
  function session() {
    var now = Date.now(), found = null;
    try { found = JSON.parse(localStorage.getItem(kept)); } catch (error) { found = null; }
    if (!found || typeof found.id !== "string" || !(now - found.at < idle)) found = { id: "session_" + made() };
    found.at = now;
    try { localStorage.setItem(kept, JSON.stringify(found)); } catch (error) { /* it lasts as long as this page */ }
    return found.id;
  }
  function allowed() {
    var privacy = window.Shopify && window.Shopify.customerPrivacy;
    return !privacy || !privacy.analyticsProcessingAllowed || privacy.analyticsProcessingAllowed();
  }
  function tell(type, product, variant, more) {
    if (!allowed() || !product) return;
    var said = { sessionId: session(), eventType: type, productId: String(product), variantId: variant ? String(variant) : null,
                 shopDomain: shop, eventId: made(), sentAt: new Date().toISOString() };
    for (var name in more) said[name] = more[name];
    if (key) said.writeKey = key;
    var text = JSON.stringify(said);
    if (navigator.sendBeacon && navigator.sendBeacon(place, new Blob([text], { type: "text/plain" }))) return;
    fetch(place, { method: "POST", body: text, keepalive: true, headers: { "Content-Type": "text/plain" } }).catch(function () {});
  }
  function product() {
    return window.ShopifyAnalytics && window.ShopifyAnalytics.meta && window.ShopifyAnalytics.meta.product;
  }
  function viewed() {
    var now = product();
    if (now) tell("IMPRESSION", now.id, new URLSearchParams(location.search).get("variant") || window.ShopifyAnalytics.meta.selectedVariantId);
  }
  function added(data) {
    var now = product(), variant = data.get("id");
    if (now && variant) tell("ADD_TO_CART", now.id, variant, { quantity: Number(data.get("quantity")) || 1 });
  }
  var seen = false;
  function look() {
    if (seen || !allowed()) return;
    seen = true;
    viewed();
  }
  document.addEventListener("submit", function (event) {
    if (event.target.action && new URL(event.target.action, location.href).pathname.indexOf("/cart/add") >= 0) added(new FormData(event.target));
  }, true);
  document.addEventListener("visitorConsentCollected", look);
  look();
})();
