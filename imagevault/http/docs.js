// Starts Swagger UI; a file of its own, so that the page needs no inline script.
window.ui = SwaggerUIBundle({
  url: document.currentScript.dataset.openapi,
  dom_id: "#swagger",
  deepLinking: true,
  persistAuthorization: false,
  validatorUrl: null, // no badge from elsewhere
  tryItOutEnabled: true,
  presets: [SwaggerUIBundle.presets.apis],
});
