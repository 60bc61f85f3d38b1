"""The pages, one module each; a module here is found by itself, so nothing else lists it.

A module has ``router``, an `APIRouter`, and ``NAME``, which is the name of its words and, when it is
one of `remit.reviewer.rendering.NAVIGATION`, its place in the navigation; its path is then ``/NAME``.

    NAME = "orphans"
    router = APIRouter()

    @router.get("/orphans")
    def orphans(request: Request, _: DeploymentReader) -> Response:
        return page(request, NAME, "orphans.html", found=...)

Each route takes an `AnyReader` and shows only what that reader may see, or a `DeploymentReader` where all of
it belongs to no DAG; a route that changes something takes an `Act` besides. Tests look for both.
"""
