"""Tables of Brazilian first names and surnames with their frequencies.

Sources: the shares of the first twelve first names and the counts of the first 30 surnames are those of IBGE, Censo
2022, as the press printed them in November 2025. The order and the decline of the other names, and the shares of second
names, particles and second surnames, are our assumption. The names are those of adults.
"""

from itertools import zip_longest

from midaz_seed.plan.people.weights import Weighted

_FIRST_OF_CENSUS = (
    *(("Maria", 605), ("José", 254), ("Ana", 194), ("João", 169), ("Antônio", 110), ("Francisco", 82), ("Pedro", 80)),
    *(("Carlos", 73), ("Lucas", 66), ("Luiz", 66), ("Paulo", 65), ("Gabriel", 59)),
)
"""Parts of 10,000 inhabitants."""
_WOMEN = """
    Francisca Júlia Antônia Juliana Adriana Fernanda Márcia Patrícia Aline Sandra Camila Amanda Bruna Jéssica Letícia
    Luciana Vanessa Mariana Gabriela Vera Larissa Cláudia Beatriz Luana Rita Sônia Renata Eliane Josefa Simone Natália
    Cristiane Carla Débora Rosângela Jaqueline Rosa Daniela Aparecida Marlene Terezinha Raimunda Andréia Fabiana Lúcia
    Raquel Angela Rafaela Joana Luzia Elaine Daniele Regina Priscila Isabela Carolina Tatiane Viviane Marta Silvana
    Cíntia Helena Tereza Rosana Mônica Roberta Michele Kelly Flávia Bianca Tânia Ivone Paula Elisângela Valéria
    Alessandra Denise Sueli Laura Eliana Edna Cecília Célia Marina Sabrina Thaís Karina Tamires Ingrid Lorena Lívia
    Milena Gisele Rosilene Rosemeire Marilene Lucimar Solange Neusa Irene Érica Ester Graziela Lilian Luciene Marcela
    Mirian Nádia Suzana Talita Zilda Ivanilda
"""
_MEN = """
    Marcos Luís Rafael Daniel Marcelo Bruno Eduardo Felipe
    Raimundo Rodrigo Manoel Mateus André Fernando Fábio Leonardo Gustavo Guilherme Leandro Tiago Anderson Ricardo Márcio
    Jorge Sebastião Alexandre Roberto Edson Diego Vitor Sérgio Cláudio Matheus Thiago Geraldo Adriano Luciano Júlio
    Renato Alex Vinícius Rogério Samuel Ronaldo Mário Flávio Igor Douglas Davi Manuel Jeferson Cícero Victor Miguel
    Robson Mauro Danilo Henrique Caio Reginaldo Joaquim Benedito Gilberto Marco Alan Nelson Cristiano Elias Wilson
    Valdir Emerson Luan David Renan Severino Fabrício Hugo Otávio Ivan Jair Jonas Josué Juliano Maurício Murilo Nilton
    Orlando Osvaldo Rubens Raul Saulo Sílvio Valter Wagner Wellington Wesley Willian Augusto Celso César Cleber Everton
    Evandro Gerson Hélio Israel
"""
SECOND_NAMES: dict[str, tuple[str, ...]] = {
    "Maria": (
        *("Aparecida", "José", "de Fátima", "Eduarda", "de Lourdes", "das Graças", "Helena", "Clara", "Luiza"),
        *("do Carmo", "da Conceição", "Cristina", "Fernanda", "Rita", "das Dores", "Cecília", "Beatriz", "Vitória"),
    ),
    "Ana": ("Paula", "Beatriz", "Carolina", "Clara", "Luiza", "Júlia", "Cristina", "Maria", "Cláudia", "Lúcia"),
    "José": ("Carlos", "Roberto", "Antônio", "Luiz", "Maria", "Francisco", "Eduardo", "Augusto", "Henrique", "Ricardo"),
    "João": ("Pedro", "Paulo", "Vitor", "Carlos", "Batista", "Gabriel", "Lucas", "Henrique", "Luiz", "Marcos"),
    "Antônio": ("Carlos", "José", "Marcos", "Luiz", "Augusto"),
    "Francisco": ("José", "Carlos", "Antônio", "Assis", "Edson"),
    "Carlos": ("Eduardo", "Alberto", "Henrique", "Roberto", "Augusto", "André"),
    "Paulo": ("Roberto", "Henrique", "César", "Sérgio", "Ricardo", "Victor"),
    "Pedro": ("Henrique", "Paulo", "Augusto", "Lucas", "Antônio"),
    "Luiz": ("Carlos", "Fernando", "Henrique", "Antônio", "Gustavo", "Felipe", "Eduardo"),
    "Luís": ("Fernando", "Carlos", "Henrique", "Eduardo", "Felipe"),
    "Marcos": ("Antônio", "Vinícius", "Paulo", "Roberto"),
    "Marco": ("Antônio", "Aurélio"),
    "Júlio": ("César",),
    "Rita": ("de Cássia",),
    "Vera": ("Lúcia",),
    "Rosa": ("Maria",),
    "Márcia": ("Cristina", "Regina", "Helena"),
    "Sandra": ("Regina", "Maria", "Cristina"),
    "Sônia": ("Maria", "Regina"),
    "Regina": ("Célia", "Helena"),
    "Carla": ("Cristina", "Andréa"),
    "Vitor": ("Hugo", "Gabriel"),
    "Davi": ("Luiz", "Lucas"),
    "Gabriel": ("Henrique",),
    "Luan": ("Felipe",),
}
"""Second names that follow a first name, each with the same probability."""
SECOND_NAME_PERCENT = {"Maria": 72, "Ana": 55, "José": 45, "João": 45}
OTHER_SECOND_NAME_PERCENT = 22

_SURNAMES_OF_CENSUS = """
    Silva:da:34030 Santos:dos:21367 Oliveira:de:11709 Souza:de:9197 Pereira::6888 Ferreira::6226 Lima:de:6095
    Alves::5757 Rodrigues::5429 Costa:da:4861 Sousa:de:4797 Gomes::4047 Nascimento:do:3609 Araújo:de:3461 Ribeiro::3127
    Almeida:de:3069 Jesus:de:2859 Barbosa::2738 Soares::2615 Carvalho:de:2600 Martins::2577 Lopes::2338 Vieira::2102
    Rocha:da:2044 Dias::2035 Gonçalves::2028 Fernandes::1836 Santana::1816 Andrade:de:1707 Batista::1703
"""
"""Surname, particle, thousands of inhabitants who have it."""
_SURNAMES = """
    Moreira Nunes Marques Machado Mendes Freitas:de Cardoso Ramos Teixeira Cavalcante Miranda Melo:de Moura:de Cruz:da
    Campos Pinto Castro:de Correia Borges Monteiro Reis:dos Cunha:da Moraes:de Tavares Bezerra Barros:de
    Pires Farias:de Azevedo:de Macedo:de Brito Guimarães Medeiros:de Duarte Conceição:da Aguiar:de Sales Leite Xavier
    Rosa:da Fonseca:da Assis:de Viana Bispo Nogueira Coelho Amorim Morais:de Siqueira Dantas Neves:das Figueiredo:de
    Matos:de Carneiro Lira:de Queiroz:de Mota:da Sampaio Vasconcelos:de Maciel Rezende Franco Mesquita:de Domingues
    Bastos Silveira:da Luz:da Pinheiro Peixoto Brandão Paiva:de Toledo Camargo:de Amaral:do Bueno Antunes Paula:de
    Vargas Garcia Amaro Prado:do Furtado Lacerda:de Porto Braga Chaves Marinho Lemos:de Guedes Pacheco Pessoa Fontes
    Simões Serra Meireles Messias Rangel Valente Muniz Caetano Barreto Abreu:de Galvão Diniz Salles Cordeiro Bittencourt
    Esteves Evangelista Maia Magalhães Trindade:da Veiga:da Leal Sá:de Torres Passos Ventura Godoy Novaes Arruda:de
    Pimentel Padilha Leão Rossi Cabral Anjos:dos Alencar:de Quintana Ferraz Falcão Dutra Espíndola Aragão Bonfim
    Couto:do Damasceno Gouveia Lobo Loureiro Malta Nóbrega
"""
TWO_SURNAMES_PERCENT = 55
PARTICLE_PERCENT = 50
_POPULATION_10_000 = 10_000
_SURNAME_TOTAL = 309_000
"""Sum of the weights of all surnames, chosen so that the share of people with a surname is that of the census, with the
share of people who have two."""


def _decline(count: int, start: int, total: int) -> list[int]:
    """Return `count` weights that decline as 1 / (rank + start); their sum is a little less than `total`."""
    shares = [10**9 // (rank + start) for rank in range(count)]
    whole = sum(shares)
    return [share * total // whole for share in shares]


def _first_names() -> Weighted[str]:
    ordered = [name for pair in zip_longest(_MEN.split(), _WOMEN.split()) for name in pair if name is not None]
    scale = 100  # so that the rounding of the declining weights is below a hundredth of a percent
    rest = (_POPULATION_10_000 - sum(share for _, share in _FIRST_OF_CENSUS)) * scale
    known = [(name, share * scale) for name, share in _FIRST_OF_CENSUS]
    return Weighted([*known, *zip(ordered, _decline(len(ordered), 155, rest), strict=True)])


def _surnames() -> Weighted[tuple[str, str]]:
    known = []
    for entry in _SURNAMES_OF_CENSUS.split():
        name, particle, thousands = entry.split(":")
        known.append(((name, particle), int(thousands)))
    others = [(entry.partition(":")[0], entry.partition(":")[2]) for entry in _SURNAMES.split()]
    rest = _SURNAME_TOTAL - sum(weight for _, weight in known)
    return Weighted([*known, *zip(others, _decline(len(others), 90, rest), strict=True)])


FIRST_NAMES = _first_names()
SURNAMES = _surnames()
"""Surnames with their particle, empty when there is none."""
