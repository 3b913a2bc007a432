// SPDX-License-Identifier: Apache-2.0
// Swagger UI with our own document, and nothing from elsewhere.
"use strict";

window.ui = SwaggerUIBundle({
    url: "openapi.json",
    dom_id: "#page",
    presets: [SwaggerUIBundle.presets.apis],
    deepLinking: true,
    persistAuthorization: true,
    tryItOutEnabled: true,
    displayRequestDuration: true,
    filter: true,
    defaultModelsExpandDepth: 0,
    // the public validator is somebody else's machine
    validatorUrl: null,
});
