// Other pages of this server, read as documents. XMLHttpRequest parses them without running scripts, and the policy of
// the page forbids all other ways from text to elements.
export const load = (address) =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("GET", address);
    request.setRequestHeader("Accept", "text/html"); // a refusal is a page too, which the dialog can show
    request.responseType = "document";
    request.onload = () => (request.response ? resolve(request.response) : reject(new Error("no page")));
    request.onerror = () => reject(new Error("no answer"));
    request.send();
  });
