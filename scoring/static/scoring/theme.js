// Pages outside the admin's frame are as light or dark as the admin was told to be, else as the system is.
(function () {
  let told = "auto";
  try {
    told = JSON.parse(localStorage.getItem("adminTheme")) || "auto";
  } catch (error) {
    // A browser that keeps nothing, or something that is no JSON: as the system is.
  }
  const system = window.matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.classList.toggle("dark", told === "dark" || (told === "auto" && system));
})();
