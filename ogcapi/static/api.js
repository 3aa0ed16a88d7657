// The interactive API browser, in place of the plain list of operations.

const place = document.getElementById("try");

const style = document.createElement("link");
style.rel = "stylesheet";
style.href = place.dataset.style;

const script = document.createElement("script");
script.src = place.dataset.script;
script.addEventListener("load", () => {
  window.SwaggerUIBundle({
    domNode: place,
    url: place.dataset.definition,
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    validatorUrl: null,
    onComplete: () => { document.getElementById("plain-list").hidden = true; },
  });
});
document.head.append(style, script);
